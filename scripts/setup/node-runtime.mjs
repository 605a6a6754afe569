import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

const NEEDED_MAJOR = 24;

/**
 * The Node that runs thoughtloop's TypeScript: the present one when it is Node 24 or newer, otherwise the one that
 * came with the npm packages.
 *
 * @param {string} root the checkout, its npm packages installed.
 * @returns {string} path of the program.
 */
export function nodeRuntime(root) {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) return process.execPath;
  const packaged = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(packaged)) return packaged;
  throw new SetupError(
    `expected Node ${NEEDED_MAJOR} or newer, found ${process.version} at ${process.execPath}, and the npm packages ` +
      `bring none for ${process.platform}-${process.arch}. Install Node ${NEEDED_MAJOR} and put it first on the PATH.`,
  );
}
