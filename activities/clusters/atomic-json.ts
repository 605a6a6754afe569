import { readFile } from 'node:fs/promises';
import { writeDurably } from '../corpus/durable-file.ts';

/**
 * Writes a value as JSON so that a reader, or a crash, sees the old file or the whole new one; its folder is made.
 * @throws DiskFull
 */
export const writeJsonAtomically = (file: string, value: unknown): Promise<void> =>
  writeDurably(file, (handle) => handle.writeFile(`${JSON.stringify(value, null, 1)}\n`));

/**
 * The JSON value in a file; undefined when there is no file, or when it is no JSON (a foreign, half-written file).
 * Python's `NaN` and `Infinity`, a diverged training's loss, are read as null.
 */
export async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return parseJson(text);
}

/** A JSON value, read as {@link readJson} reads it; undefined when the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/(?<=[:[,]\s*)-?(?:NaN|Infinity)(?=\s*[,}\]])/g, 'null')) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether an error of `node:fs` says that the file or a folder above it is not there. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
