import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJsonAtomically } from '../clusters/atomic-json.ts';

const fileSchema = z.object({
  version: z.literal(1),
  /** Id of the database that the folder belongs to. */
  store: z.uuid(),
  /** Id of the folder: it stays the same where the folder is moved. */
  folder: z.uuid(),
  /** Highest revision of the database that the folder has seen. */
  revision: z.int().nonnegative(),
});

/** What `<data>/store.json` says. */
export type FolderFile = Omit<z.infer<typeof fileSchema>, 'version'>;

/** The file of a data folder that says which database it belongs to. */
export const folderFilePath = (dataFolder: string): string => join(dataFolder, 'store.json');

/** @returns null where there is no such file, `unreadable` where it is not one of ours */
export async function readFolderFile(dataFolder: string): Promise<FolderFile | 'unreadable' | null> {
  const path = folderFilePath(dataFolder);
  const found = await readJson(path);
  if (found === undefined) return (await exists(path)) ? 'unreadable' : null;
  const parsed = fileSchema.safeParse(found);
  return parsed.success ? parsed.data : 'unreadable';
}

/**
 * Replaces the file in one durable step.
 * @throws DiskFull
 */
export async function writeFolderFile(dataFolder: string, { store, folder, revision }: FolderFile): Promise<void> {
  await writeJsonAtomically(folderFilePath(dataFolder), { version: 1, store, folder, revision });
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
