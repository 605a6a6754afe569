import type { Place } from '../../workflows/contract/ids.ts';
import type { CheckpointRef, TrainingResult } from '../../workflows/contract/references.ts';
import { bumpRevision } from './identity.ts';
import { withTransaction, type Database, type Queryable } from './pool.ts';

/** Arm under which a run's base model stands among the checkpoints: it belongs to none of the lines compared. */
export const BASE_ARM = 'base';

/** Writes down a finished training; of the same key again, the last one counts. */
export async function recordCheckpoint(
  database: Database,
  { run, arm, iteration }: Place,
  trial: number,
  { checkpoint, steps, tokens, loss, seconds }: TrainingResult,
): Promise<void> {
  await withTransaction(database, async (connection) => {
    await connection.query(
      `insert into checkpoints (key, run, arm, iteration, trial, digest, folder, steps, tokens, loss, seconds)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (key) do update
        set digest = excluded.digest, folder = excluded.folder, steps = excluded.steps, tokens = excluded.tokens,
            loss = excluded.loss, seconds = excluded.seconds`,
      [checkpoint.key, run, arm, iteration, trial, checkpoint.digest, checkpoint.folder, steps, tokens, loss, seconds],
    );
    await bumpRevision(connection);
  });
}

/** Digest of the result that the store knows of a key in a folder; undefined when it knows none. */
export async function recordedDigest(
  database: Queryable,
  { key, folder }: Pick<CheckpointRef, 'key' | 'folder'>,
): Promise<string | undefined> {
  const { rows } = await database.query<{ digest: string }>(
    'select digest from checkpoints where key = $1 and folder = $2',
    [key, folder],
  );
  return rows[0]?.digest;
}
