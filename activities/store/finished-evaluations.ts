import type { Queryable } from './pool.ts';

/** Which of these evaluations (by workflow id) have their result for the checkpoint with this digest. */
export async function finishedEvaluations(
  database: Queryable,
  ids: readonly string[],
  checkpoint: string,
): Promise<Set<string>> {
  const { rows } = await database.query<{ evaluation: string }>(
    'select evaluation from evaluations where evaluation = any($1) and checkpoint = $2 and finished_at is not null',
    [ids, checkpoint],
  );
  return new Set(rows.map(({ evaluation }) => evaluation));
}
