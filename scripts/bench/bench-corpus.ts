import { planEStep } from '../../activities/e-step/plan-e-step.ts';
import type { Database } from '../../activities/store/pool.ts';
import type { SampleShardInput } from '../../workflows/contract/activities.ts';
import type { EStepSettings, Fidelity, SegmentationSettings } from '../../workflows/contract/recipe.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { BENCH_CHECKPOINT } from './bench-model.ts';

/** Extent of a made-up corpus. */
export interface CorpusShape {
  readonly documents: number;
  /** Chunks a document. */
  readonly chunks: number;
  /** Letters, that is tokens of the bench model, a chunk. */
  readonly letters: number;
}

/** Settings of a bench's E-step where it names none. */
export const BENCH_E_STEP: EStepSettings = {
  samples: 4,
  maxThoughtTokens: 48,
  prefixChunks: 3,
  maxRounds: 2,
  maxRejected: 0,
  keep: 'all',
  shardDocuments: 200,
  shardsPerBatch: 250,
  batchesAtOnce: 4,
  concurrency: 4,
  chunksInFlight: 125,
  requestTimeoutSeconds: 600,
};

export const BENCH_SEGMENTATION: SegmentationSettings = { kind: 'whole' };

/** Writes a corpus (split `train`) whose documents say themselves where they are cut. */
export async function makeCorpus(database: Database, name: string, shape: CorpusShape): Promise<void> {
  const { rows } = await database.query<{ corpus: number; source: number }>(
    `with corpus as (insert into corpora (name) values ($1) returning corpus)
     insert into corpus_sources (corpus, split, file, digest, bytes, state, documents, imported_at)
     select corpus, 'train', 'bench', 'none', 1, 'imported', $2, now() from corpus returning corpus, source`,
    [name, shape.documents],
  );
  await database.query(
    `insert into documents (corpus, split, ordinal, source, text, given_ends)
     select $1, 'train', ordinal, $2,
       (select string_agg(rpad(md5(ordinal || '/' || chunk), $5, 'the stone turns over slowly. '), '') from generate_series(1, $4) as chunk),
       (select array_agg(chunk * $5) from generate_series(1, $4) as chunk)
     from generate_series(0, $3 - 1) as ordinal`,
    [rows[0]?.corpus, rows[0]?.source, shape.documents, shape.chunks, shape.letters],
  );
}

/** Plans an E-step of a run of its own. @returns the inputs of its shards, and its chunks */
export async function planBench(
  database: Database,
  run: string,
  corpus: string,
  settings: EStepSettings,
  { checkpoint = BENCH_CHECKPOINT, fidelity = 'corrected' }: { checkpoint?: CheckpointRef; fidelity?: Fidelity } = {},
): Promise<{
  readonly eStep: number;
  readonly chunks: number;
  readonly shards: SampleShardInput[];
  readonly fleet: string;
}> {
  await database.query(
    `insert into runs (run, recipe, recipe_digest, status, phase, arm, iteration)
     values ($1, '{}', 'none', 'Running', 'e-step', 'latent', 1) on conflict do nothing`,
    [run],
  );
  const fleet = `${run}/fleet`;
  const place = { run, arm: 'latent', iteration: 1 };
  const common = { place, seed: 7, fidelity, settings, checkpoint };
  const plan = await planEStep(database, {
    ...common,
    corpus: { name: corpus, split: 'train' },
    segmentation: BENCH_SEGMENTATION,
  });
  const shards = Array.from({ length: plan.shards }, (_, shard) => ({
    ...common,
    eStep: plan.eStep,
    shard,
    fleet,
    maxModelLen: null,
  }));
  return { eStep: plan.eStep, chunks: plan.chunks, shards, fleet };
}

/** Lists servers as ready in a fleet, as their supervisor would. */
export async function listServers(
  database: Database,
  run: string,
  urls: readonly string[],
  model: string,
): Promise<void> {
  for (const [slot, url] of urls.entries()) {
    await database.query(
      `insert into servers (fleet, slot, generation, run, model, url, state) values ($1, $2, 0, $3, $4, $5, 'ready')`,
      [`${run}/fleet`, slot, run, model, url],
    );
  }
}
