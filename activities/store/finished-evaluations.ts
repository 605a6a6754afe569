import type { Queryable } from './pool.ts';

/** Which of these evaluations (by workflow id) have their result. */
export async function finishedEvaluations(database: Queryable, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await database.query<{ evaluation: string }>(
    'select evaluation from evaluations where evaluation = any($1) and finished_at is not null',
    [ids],
  );
  return new Set(rows.map(({ evaluation }) => evaluation));
}
