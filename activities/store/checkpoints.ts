import type { Place } from '../../workflows/contract/ids.ts';
import type { TrainingResult } from '../../workflows/contract/references.ts';
import type { Queryable } from './pool.ts';

/** Arm under which a run's base model stands among the checkpoints: it belongs to none of the lines compared. */
export const BASE_ARM = 'base';

/** Writes down a finished training; of the same key again, the last one counts. */
export async function recordCheckpoint(
  database: Queryable,
  { run, arm, iteration }: Place,
  trial: number,
  { checkpoint, steps, tokens, loss, seconds }: TrainingResult,
): Promise<void> {
  await database.query(
    `insert into checkpoints (key, run, arm, iteration, trial, digest, folder, steps, tokens, loss, seconds)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (key) do update
        set digest = excluded.digest, folder = excluded.folder, steps = excluded.steps, tokens = excluded.tokens,
            loss = excluded.loss, seconds = excluded.seconds`,
    [checkpoint.key, run, arm, iteration, trial, checkpoint.digest, checkpoint.folder, steps, tokens, loss, seconds],
  );
}
