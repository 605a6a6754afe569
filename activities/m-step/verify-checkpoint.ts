import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { isMissing, readJson } from '../clusters/atomic-json.ts';
import { failure } from '../failure.ts';

const FileName = z.string().refine((name) => !isAbsolute(name) && !normalize(name).startsWith('..'), {
  message: 'Expected a name inside the folder',
});

const DoneMarker = z.object({
  key: z.string(),
  digest: z.string(),
  files: z.record(FileName, z.string()).refine((files) => Object.keys(files).length > 0),
  steps: z.int().nonnegative().nullish(),
  tokens: z.int().nonnegative().nullish(),
  loss: z.number().nullish(),
  seconds: z.number().nonnegative().nullish(),
});

/** `DONE.json`: what a job made, written last. */
export type DoneMarker = z.infer<typeof DoneMarker>;

/** What is to be said of an output folder. */
export type Verdict =
  | { readonly kind: 'valid'; readonly marker: DoneMarker }
  /** No marker, or one of another key: nothing was made there for this key. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'damaged'; readonly reason: string };

/** Folder → digest and the sizes and times of its files when they were hashed by this process. */
const known = new Map<string, string>();

/**
 * Looks whether an output folder holds what its marker says. All files are hashed once a process, and again when a size
 * or a time of change differs from then.
 * @param folder Absolute path.
 */
export async function examineResult(folder: string, key: string): Promise<Verdict> {
  const parsed = DoneMarker.safeParse(await readJson(join(folder, 'DONE.json')));
  if (!parsed.success || parsed.data.key !== key) return { kind: 'absent' };
  const marker = parsed.data;
  const names = Object.keys(marker.files).sort();
  if (sha256(names.map((name) => `${name} ${marker.files[name]}\n`).join('')) !== marker.digest) {
    return { kind: 'damaged', reason: `DONE.json in ${folder} does not have the digest of the files it names` };
  }
  const before = await signature(folder, names);
  if (before.missing !== undefined) return { kind: 'damaged', reason: `${before.missing} is missing in ${folder}` };
  const state = `${marker.digest} ${before.text}`;
  if (known.get(folder) === state) return { kind: 'valid', marker };
  for (const name of names) {
    const found = await fileDigest(join(folder, name));
    if (found !== marker.files[name]) {
      return {
        kind: 'damaged',
        reason: `${name} in ${folder} has sha256 ${found}, its marker says ${marker.files[name]}`,
      };
    }
  }
  known.set(folder, state);
  return { kind: 'valid', marker };
}

/**
 * Makes sure that a checkpoint is what its reference says, before it is served or trained from.
 * @param dataFolder Absolute path of the data folder.
 * @throws CheckpointInvalid when its marker or a file is missing, or a digest differs.
 */
export async function verifyCheckpoint(dataFolder: string, checkpoint: CheckpointRef): Promise<void> {
  const verdict = await examineResult(join(dataFolder, checkpoint.folder), checkpoint.key);
  if (verdict.kind === 'valid' && verdict.marker.digest === checkpoint.digest) return;
  const found =
    verdict.kind === 'damaged'
      ? verdict.reason
      : verdict.kind === 'absent'
        ? `no DONE.json of that key in ${checkpoint.folder}`
        : `digest ${verdict.marker.digest} in ${checkpoint.folder}`;
  throw failure(
    'CheckpointInvalid',
    `Expected checkpoint ${checkpoint.key} with digest ${checkpoint.digest}, found ${found}`,
  );
}

async function signature(
  folder: string,
  names: readonly string[],
): Promise<{ readonly text: string; readonly missing?: string }> {
  const parts: string[] = [];
  for (const name of names) {
    try {
      const { size, mtimeMs } = await stat(join(folder, name));
      parts.push(`${size}@${mtimeMs}`);
    } catch (error) {
      if (isMissing(error)) return { text: '', missing: name };
      throw error;
    }
  }
  return { text: parts.join(' ') };
}

async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
