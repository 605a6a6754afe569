import { existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { SetupError } from './setup-error.mjs';

const GIGABYTE = 1e9;

/**
 * Refuses to begin what would fill the disk.
 *
 * @param {string} folder where the files will go; it need not exist yet.
 * @param {number} gigabytes how much must be free.
 * @param {string} purpose what needs it.
 * @param {string} remedy what to do beside freeing space.
 */
export function requireDiskSpace(folder, gigabytes, purpose, remedy) {
  let existing = resolve(folder);
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  const free = (bavail * bsize) / GIGABYTE;
  if (free >= gigabytes) return;
  throw new SetupError(
    `expected ${gigabytes} GB free for ${purpose}, found ${free.toFixed(1)} GB on the disk of ${existing}. ` +
      `Free some space, or ${remedy}.`,
  );
}
