import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MANIFEST, type Manifest } from './training-set-files.ts';

const PART = /^part-\d{5}\.jsonl\.zst$/;
const DRAFT = /^draft\.tmp-[0-9a-f-]+$/;
/** What `writeParts` and `writeManifest` call a file until it is whole. */
const TEMPORARY = /\.(zst|json)\.tmp-[0-9a-f-]{36}$/;

/**
 * The folder inside `folder`, so on its file system, that a set of exactly `content` is written into: every worker that
 * writes of it, and every attempt, finds there what others have written.
 * @param content all that decides the set's bytes
 */
export function draftOf(folder: string, content: unknown): string {
  const id = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
  return join(folder, `draft.tmp-${id}`);
}

/** Makes the folder of a draft, and removes drafts of other content that killed exports left beside it. */
export async function openDraft(draft: string): Promise<void> {
  await mkdir(draft, { recursive: true });
  for (const name of await readdir(dirname(draft))) {
    const other = join(dirname(draft), name);
    if (DRAFT.test(name) && other !== draft) await dropDraft(other);
  }
}

export const dropDraft = (draft: string): Promise<void> => rm(draft, { recursive: true, force: true });

/**
 * Moves a whole set from its draft to its folder, the manifest last, and removes what a stopped or damaged export left
 * there.
 * @param sources where in the draft the parts stand, in order
 */
export async function publishDraft(
  draft: string,
  folder: string,
  { parts }: Pick<Manifest, 'parts'>,
  sources: readonly string[],
): Promise<void> {
  const files = parts.map(({ file }) => file);
  for (const [index, file] of files.entries()) await rename(join(draft, sources[index] ?? file), join(folder, file));
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
