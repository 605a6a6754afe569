import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a value as JSON so that a reader, or a crash, sees the old file or the whole new one.
 * The folder is made where it is missing; file and name are synced.
 */
export async function writeJsonAtomically(file: string, value: unknown): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${basename(file)}.${randomUUID()}.tmp`);
  const draft = await open(temporary, 'w', 0o644);
  try {
    await draft.writeFile(`${JSON.stringify(value, null, 1)}\n`);
    await draft.sync();
  } finally {
    await draft.close();
  }
  await rename(temporary, file);
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The JSON value in a file; undefined when there is no file, or when it is no JSON (a foreign, half-written file). */
export async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether an error of `node:fs` says that the file or a folder above it is not there. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
