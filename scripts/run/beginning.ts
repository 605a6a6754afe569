import { sharedModels } from '../../activities/store/forks.ts';
import type { Queryable } from '../../activities/store/pool.ts';
import type { RunRow } from '../../activities/store/runs.ts';
import type { RunState } from '../../workflows/contract/messages.ts';
import { afterIteration } from '../../workflows/run-place.ts';

/**
 * The state that a run's workflow is started with, from the store alone: undefined for a run that begins at its base
 * model, the models that it shares for a fork.
 */
export async function beginning(database: Queryable, { recipe, fork }: RunRow): Promise<RunState | undefined> {
  if (fork === null) return undefined;
  const { base, models } = await sharedModels(database, fork);
  return {
    next: afterIteration(recipe, fork.iteration),
    base: base.checkpoint,
    models: models.map(({ checkpoint }) => checkpoint),
    lines: models.map(({ run }, iteration) => `**M_${iteration}** · of run ${run}`),
  };
}
