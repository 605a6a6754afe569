import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';

/** A `temporal` program that can serve us. */
export interface TemporalProgram {
  readonly path: string;
  /** Of the program, such as `1.9.1`. */
  readonly version: string;
}

/**
 * Versions that serve: from 1.9, whose server 1.32 the workflows were tested with, to the end of its major version.
 */
const OLDEST = { major: 1, minor: 9 };

/** Longest wait for a program to name its version, milliseconds. */
const VERSION_MS = 30_000;

/**
 * Finds a fitting `temporal`: on the PATH, else beside the python that THOUGHTLOOP_PYTHON names.
 *
 * @param madeWith version of the program that created the database file: `start-dev` never migrates a file, so that
 *   only the same version is fit to open it.
 * @throws OperatorError naming each program that was found and its version.
 */
export function findTemporal(madeWith?: string): TemporalProgram {
  const seen: string[] = [];
  for (const folder of searchedFolders()) {
    const path = join(folder, 'temporal');
    const version = versionOf(path);
    if (version === undefined) continue;
    if (madeWith === undefined ? isFit(version) : version === madeWith) return { path, version };
    seen.push(`${path} (${version})`);
  }
  throw new OperatorError({
    expected:
      madeWith === undefined
        ? `a \`temporal\` program of version ${OLDEST.major}.${OLDEST.minor} or newer, below ${OLDEST.major + 1}`
        : `the \`temporal\` program of version ${madeWith} that created this data folder's temporal.db`,
    found: seen.length === 0 ? 'none on the PATH, and none beside THOUGHTLOOP_PYTHON' : seen.join(', '),
    remedy:
      madeWith === undefined
        ? '`thoughtloop up` and `thoughtloop doctor --fix` install it; or set TEMPORAL_ADDRESS to a Temporal server of yours.'
        : `Put version ${madeWith} on the PATH, or finish the runs with it and start with a new data folder.`,
    exitCode: EXIT_CODES.failure,
  });
}

function searchedFolders(): string[] {
  const python = process.env['THOUGHTLOOP_PYTHON'];
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...new Set([...path, ...(python === undefined ? [] : [dirname(python)])])];
}

function versionOf(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    return undefined;
  }
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: VERSION_MS });
  return /version (\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
}

function isFit(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major === OLDEST.major && minor !== undefined && minor >= OLDEST.minor;
}
