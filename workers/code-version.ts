import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The name under which Temporal knows all our workers, whatever their version. */
export const DEPLOYMENT = 'thoughtloop';

/** The folder whose code a replay runs, relative to the checkout. */
export const VERSIONED_FOLDER = 'workflows';

/** The package that runs inside the sandbox with that code: how it schedules what workflows await is part of a replay. */
export const WORKFLOW_SDK = '@temporalio/workflow';

const FOLDER = fileURLToPath(new URL(`../${VERSIONED_FOLDER}`, import.meta.url));

/** A file of {@link VERSIONED_FOLDER}: its path below it, with `/`, and git's id of its content. */
export interface VersionedFile {
  readonly path: string;
  readonly blob: string;
}

/**
 * The version of this code, 12 hex digits: a digest of what a replay depends on, the TypeScript files of workflows/ and
 * the version of {@link WORKFLOW_SDK}. A change there always makes another version; one in an activity, which no replay
 * runs, never does.
 */
export function codeVersion(folder: string = FOLDER, sdk: string = installedSdk()): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return versionOf(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return { path: relative(folder, file).split(sep).join('/'), blob: blobId(readFileSync(file)) };
    }),
    sdk,
  );
}

/** The version that these files make with an SDK's version; of what is in git it can be told without reading them. */
export function versionOf(files: readonly VersionedFile[], sdk: string): string {
  const lines = files.filter(({ path }) => path.endsWith('.ts')).map(({ path, blob }) => `${path} ${blob}\n`);
  const text = [...lines.sort(), `${WORKFLOW_SDK} ${sdk}\n`].join('');
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** The version of {@link WORKFLOW_SDK} that is installed: it is what workers run, whatever package.json asks for. */
function installedSdk(): string {
  const { version } = createRequire(import.meta.url)(`${WORKFLOW_SDK}/package.json`) as { readonly version: string };
  return version;
}

/** Git's id of a file's content. */
function blobId(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}
