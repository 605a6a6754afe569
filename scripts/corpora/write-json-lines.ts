import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A file that was written. */
export interface WrittenFile {
  readonly file: string;
  readonly rows: number;
}

/** Writes rows as JSON lines into a folder, which is made where it is missing; the file is there whole or not at all. */
export async function writeJsonLines(folder: string, name: string, rows: readonly object[]): Promise<WrittenFile> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, name);
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
  return { file, rows: rows.length };
}
