import type { Queryable } from '../../activities/store/pool.ts';

/** What a test puts in for one chunk: its candidates, or why it has none. */
export type SampledChunk =
  | {
      readonly selected: number;
      readonly candidates: readonly {
        readonly ids: readonly number[];
        readonly logQ: number;
        readonly logP: number | null;
      }[];
    }
  | { readonly rejection: string };

/** Writes a chunk's rows as sampling leaves them. */
export async function insertChunk(
  database: Queryable,
  eStep: number,
  document: number,
  chunk: number,
  sampled: SampledChunk,
): Promise<void> {
  const rejected = 'rejection' in sampled;
  await database.query(
    `insert into chunk_results (e_step, document, chunk, selected, rejection, rounds, prefix_chunks, ess, elbo, scored_tokens)
     values ($1, $2, $3, $4, $5, 1, 0, $6, $7, 10)`,
    [
      eStep,
      document,
      chunk,
      rejected ? null : sampled.selected,
      rejected ? sampled.rejection : null,
      rejected ? null : 2,
      rejected ? null : [-5, -4],
    ],
  );
  if (rejected) return;
  for (const [index, { ids, logQ, logP }] of sampled.candidates.entries()) {
    await database.query(
      `insert into thoughts (e_step, document, chunk, candidate, token_ids, text, log_q, log_p, finish, selected)
       values ($1, $2, $3, $4, $5, '', $6, $7, $8, $9)`,
      [eStep, document, chunk, index, ids, logQ, logP, logP === null ? 'length' : 'stop', index === sampled.selected],
    );
  }
}

/** Closes all shards of an E-step. */
export async function finishShards(database: Queryable, eStep: number): Promise<void> {
  await database.query(
    `update shards set finished_at = now(), counts = '{"sampledTokens": 7, "scoredTokens": 11, "requests": 3}'
     where e_step = $1`,
    [eStep],
  );
}
