import type { Queryable } from '../../activities/store/pool.ts';

/** Writes the row of a run that other rows hang on. */
export async function insertRun(database: Queryable, run: string): Promise<void> {
  await database.query(
    `insert into runs (run, recipe, recipe_digest, status, phase, arm, iteration)
     values ($1, '{}', '', 'Running', 'base', 'latent', 0)`,
    [run],
  );
}
