import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { freeGigabytes } from '../stack/data-folder.ts';
import { right, wrong, type Check } from './check.ts';

/** A demo fits; a real run needs what `thoughtloop plan` says. */
const NEEDED_GIGABYTES = 5;

/** The data folder and the disk it lies on. */
export function dataFolderChecks(dataFolder: string): Check[] {
  let existing = dataFolder;
  while (!existsSync(existing)) existing = dirname(existing);
  const free = freeGigabytes(existing);
  return [
    writableCheck(dataFolder, existing),
    free >= NEEDED_GIGABYTES
      ? right('disk', `${free.toFixed(0)} GB free`)
      : wrong(
          'disk',
          `${free.toFixed(1)} GB free`,
          `Free at least ${NEEDED_GIGABYTES} GB, or choose --data on another disk.`,
        ),
  ];
}

function writableCheck(dataFolder: string, existing: string): Check {
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    return wrong('data folder', (error as Error).message, 'Change its owner or mode, or choose another with --data.');
  }
  return right('data folder', existing === dataFolder ? dataFolder : `${dataFolder} (not there yet)`);
}
