import { planEStep } from '../../activities/e-step/plan-e-step.ts';
import type { Database } from '../../activities/store/pool.ts';
import type { SampleShardInput } from '../../workflows/contract/activities.ts';
import type { EStepSettings, Fidelity } from '../../workflows/contract/recipe.ts';

/** Settings of a small E-step. */
export const E_STEP: EStepSettings = {
  samples: 4,
  maxThoughtTokens: 6,
  prefixChunks: 2,
  maxRounds: 3,
  maxRejected: 1,
  keep: 'all',
  shardDocuments: 1_000,
  shardsPerBatch: 10,
  batchesAtOnce: 1,
  concurrency: 2,
  chunksInFlight: 8,
  requestTimeoutSeconds: 10,
};

/** A document given by its chunks. */
export interface GivenDocument {
  readonly context?: string;
  readonly chunks: readonly string[];
}

/** Writes documents with given cuts and plans an E-step of them; all documents are in shard 0. */
export async function plannedEStep(
  database: Database,
  documents: readonly GivenDocument[],
  settings: EStepSettings = E_STEP,
  fidelity: Fidelity = 'corrected',
): Promise<SampleShardInput> {
  const { rows } = await database.query<{ corpus: number; source: number }>(
    `with corpus as (insert into corpora (name) values ('toy') returning corpus)
     insert into corpus_sources (corpus, split, file, digest, bytes, state, documents, imported_at)
     select corpus, 'train', 'toy.jsonl', 'none', 1, 'imported', $1, now() from corpus returning corpus, source`,
    [documents.length],
  );
  for (const [ordinal, { context, chunks }] of documents.entries()) {
    const ends = chunks.map((_, index) => chunks.slice(0, index + 1).join('').length);
    await database.query(
      `insert into documents (corpus, split, ordinal, source, context, text, given_ends)
       values ($1, 'train', $2, $3, $4, $5, $6)`,
      [rows[0]?.corpus, ordinal, rows[0]?.source, context ?? null, chunks.join(''), ends],
    );
  }
  await database.query(
    `insert into runs (run, recipe, recipe_digest, status, phase, arm, iteration)
     values ('toy', '{}', 'none', 'Running', 'e-step', 'latent', 1) on conflict do nothing`,
  );
  const common = {
    place: { run: 'toy', arm: 'latent', iteration: 1 },
    seed: 7,
    fidelity,
    settings,
    checkpoint: { key: 'toy/i0', digest: 'd', folder: 'none' },
  };
  const corpus = { name: 'toy', split: 'train' };
  const plan = await planEStep(database, { ...common, corpus, segmentation: { kind: 'whole' } });
  return { ...common, eStep: plan.eStep, shard: 0, fleet: 'toy/fleet', maxModelLen: null };
}
