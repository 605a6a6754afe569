import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { verifyCheckpoint } from '../../../activities/m-step/verify-checkpoint.ts';
import { readSet } from '../../../activities/m-step/training-set-files.ts';
import type { Queryable } from '../../../activities/store/pool.ts';
import { invariant, type Invariant } from './invariant.ts';

/** What a run left on the disk is whole, and says what the store says. */
export async function fileInvariants(database: Queryable, data: string, run: string): Promise<Invariant[]> {
  return [await checkpoints(database, data, run), ...(await trainingSets(database, data, run))];
}

async function checkpoints(database: Queryable, data: string, run: string): Promise<Invariant> {
  const { rows } = await database.query<{ key: string; digest: string; folder: string }>(
    'select key, digest, folder from checkpoints where run = $1 order by key',
    [run],
  );
  const broken: string[] = [];
  for (const checkpoint of rows) {
    await verifyCheckpoint(data, checkpoint).catch((error: unknown) =>
      broken.push(`${checkpoint.key}: ${String(error)}`),
    );
  }
  return invariant('the digests of all checkpoints hold', `${rows.length} checkpoints`, broken);
}

interface StoredSet {
  readonly arm: string;
  readonly iteration: number;
  readonly folder: string;
  readonly digest: string;
}

async function trainingSets(database: Queryable, data: string, run: string): Promise<Invariant[]> {
  const sets = await database.query<StoredSet>(
    'select arm, iteration, folder, digest from training_sets where run = $1 order by arm, iteration',
    [run],
  );
  const damaged: string[] = [];
  const different: string[] = [];
  let thoughts = 0;
  for (const { arm, iteration, folder, digest } of sets.rows) {
    const found = await readSet(join(data, folder));
    if (found?.digest !== digest) {
      damaged.push(`${folder}: digest ${found?.digest ?? 'of no whole set'}, the store says ${digest}`);
      continue;
    }
    const { rows } = await database.query<{ document: number; chunk: number; ids: number[] }>(
      `select document, chunk, token_ids as ids from thoughts join e_steps using (e_step)
        where run = $1 and arm = $2 and iteration = $3 and selected`,
      [run, arm, iteration],
    );
    // The warm start's thoughts are the teacher's, and an arm's first iteration chooses anew from shared candidates.
    if (rows.length === 0) continue;
    const selected = new Map(rows.map(({ document, chunk, ids }) => [`${document}/${chunk}`, ids.join(' ')]));
    for (const { file } of found.manifest.parts) {
      for (const { id, chunks } of readPart(join(data, folder, file))) {
        for (const [chunk, { z }] of chunks.entries()) {
          const stored = selected.get(`${id}/${chunk}`);
          selected.delete(`${id}/${chunk}`);
          thoughts += 1;
          if (z?.join(' ') !== stored)
            different.push(`${folder} document ${id} chunk ${chunk}: another thought than selected`);
        }
      }
    }
    different.push(...[...selected.keys()].map((key) => `${folder}: the thought of ${key} is missing`));
  }
  return [
    invariant('the digests of all training sets hold', `${sets.rows.length} sets`, damaged),
    invariant('a training set holds the thoughts that were selected', `${thoughts} chunks`, different),
  ];
}

interface WrittenDocument {
  readonly id: number;
  readonly chunks: readonly { readonly z?: readonly number[] }[];
}

const readPart = (file: string): WrittenDocument[] =>
  zstdDecompressSync(readFileSync(file))
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as WrittenDocument);
