import type { Place } from '../../workflows/contract/ids.ts';
import type { TrainedTokens } from '../record/raw-budget.ts';
import { rowsOfRun } from './lineage.ts';
import type { Queryable } from './pool.ts';

/** Every training of an arm's first trial up to `place.iteration`, iteration 0 of the EM loop and shared ones included. */
export async function trainedTokens(database: Queryable, { run, arm, iteration }: Place): Promise<TrainedTokens[]> {
  const { rows } = await database.query<TrainedTokens>(
    `select c.iteration, c.tokens, s.tokens as "passTokens", runs.recipe->'mStep'->>'init' as init
       from ${rowsOfRun('checkpoints')} c join training_sets s using (run, arm, iteration) join runs using (run)
      where c.arm = $2 and c.trial = 0 and c.iteration <= $3
      order by c.iteration`,
    [run, arm, iteration],
  );
  return rows;
}
