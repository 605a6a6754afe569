import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failure } from '../failure.ts';

/**
 * Writes a file so that it is there whole and durable, or not at all: under a temporary name (`<file>.tmp-<uuid>`), synced,
 * renamed, its folder synced. The folder is made where it is missing; a failed write leaves nothing.
 *
 * @throws DiskFull when there is no room; else what `write` or the file system throws
 */
export async function writeDurably(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${file}.tmp-${randomUUID()}`;
  await withDiskFull(dirname(file), async () => {
    try {
      await mkdir(dirname(file), { recursive: true });
      const handle = await open(temporary, 'wx');
      try {
        await write(handle);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, file);
      const folder = await open(dirname(file));
      await folder.sync().finally(() => folder.close());
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
}

async function withDiskFull<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw failure('DiskFull', `Expected room to write in ${folder}, found none (${code})`);
  }
}
