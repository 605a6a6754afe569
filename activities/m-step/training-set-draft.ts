import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MANIFEST, type Manifest } from './training-set-files.ts';

const PART = /^part-\d{5}\.jsonl\.zst$/;
const DRAFT = /^draft\.tmp-[0-9a-f-]{36}$/;
/** What `writeParts` and `writeManifest` call a file until it is whole. */
const TEMPORARY = /\.(zst|json)\.tmp-[0-9a-f-]{36}$/;

/**
 * Gives `work` a new folder inside `folder`, so on its file system, to write a training set into, and removes it in the
 * end. Drafts that killed exports left are removed before.
 */
export async function withDraft<Result>(folder: string, work: (draft: string) => Promise<Result>): Promise<Result> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (DRAFT.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const draft = join(folder, `draft.tmp-${randomUUID()}`);
  try {
    return await work(draft);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/**
 * Moves a whole set from its draft to its folder, the manifest last, and removes what a stopped or damaged export left
 * there.
 */
export async function publishDraft(draft: string, folder: string, { parts }: Pick<Manifest, 'parts'>): Promise<void> {
  const files = parts.map(({ file }) => file);
  for (const file of files) await rename(join(draft, file), join(folder, file));
  await syncFolder(folder);
  await rename(join(draft, MANIFEST), join(folder, MANIFEST));
  const leftovers = (await readdir(folder)).filter(
    (name) => TEMPORARY.test(name) || (PART.test(name) && !files.includes(name)),
  );
  for (const name of leftovers) await rm(join(folder, name), { force: true });
  await syncFolder(folder);
  await syncFolder(dirname(folder));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}
