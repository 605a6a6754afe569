import type { Place } from '../../workflows/contract/ids.ts';
import type { TrainingSetRef } from '../../workflows/contract/references.ts';
import { bumpRevision } from './identity.ts';
import { withTransaction, type Database, type Queryable } from './pool.ts';

/** The training set of a place, or null. */
export async function findTrainingSet(
  database: Queryable,
  { run, arm, iteration }: Place,
): Promise<TrainingSetRef | null> {
  const { rows } = await database.query<TrainingSetRef>(
    `select folder, digest, documents, chunks, tokens, raw_tokens as "rawTokens"
     from training_sets where run = $1 and arm = $2 and iteration = $3`,
    [run, arm, iteration],
  );
  return rows[0] ?? null;
}

/** Writes which training set a place has; what is written stays. */
export async function writeTrainingSet(database: Database, place: Place, set: TrainingSetRef): Promise<void> {
  await withTransaction(database, async (connection) => {
    await connection.query(
      `insert into training_sets (run, arm, iteration, folder, digest, documents, chunks, tokens, raw_tokens)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (run, arm, iteration) do nothing`,
      [
        place.run,
        place.arm,
        place.iteration,
        set.folder,
        set.digest,
        set.documents,
        set.chunks,
        set.tokens,
        set.rawTokens,
      ],
    );
    await bumpRevision(connection);
  });
}
