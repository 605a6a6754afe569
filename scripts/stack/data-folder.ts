import { accessSync, constants, mkdirSync, realpathSync, statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';

/** The data folder when neither an option nor THOUGHTLOOP_DATA names one, in the current directory. */
const DEFAULT_NAME = '.thoughtloop';

/** Below this a checkpoint, a checkpoint's successor and the database's log no longer fit. */
const NEEDED_GIGABYTES = 2;

/**
 * Which data folder is meant: the option, else THOUGHTLOOP_DATA, else `.thoughtloop` in the current directory.
 * @returns an absolute path; the folder need not exist.
 */
export function resolveDataFolder(option?: string): string {
  const folder = resolve(option ?? (process.env['THOUGHTLOOP_DATA'] || DEFAULT_NAME));
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/**
 * Creates the data folder where it is missing and makes sure that the stack can live there.
 * @returns its real path.
 * @throws OperatorError when it cannot be created or written, or its disk is full.
 */
export function prepareDataFolder(folder: string): string {
  try {
    mkdirSync(join(folder, 'logs'), { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new OperatorError({
      expected: 'a data folder that can be written',
      found: (error as Error).message,
      where: folder,
      remedy: 'Choose another with --data or THOUGHTLOOP_DATA, or change its owner or mode.',
      exitCode: EXIT_CODES.badInput,
      cause: error,
    });
  }
  const free = freeGigabytes(folder);
  if (free < NEEDED_GIGABYTES) {
    throw new OperatorError({
      expected: `${NEEDED_GIGABYTES} GB free for the data folder`,
      found: `${free.toFixed(1)} GB`,
      where: folder,
      remedy: 'Free some space, or choose a folder on another disk with --data or THOUGHTLOOP_DATA.',
    });
  }
  return realpathSync(folder);
}

/** Space on the disk of a folder that a process without special rights may use, in 10⁹ bytes. */
export function freeGigabytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return (bavail * bsize) / 1e9;
}
