import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { verifyCheckpoint } from '../../activities/m-step/verify-checkpoint.ts';
import { finishedIterations, sharedModels, type SharedModels } from '../../activities/store/forks.ts';
import type { Database } from '../../activities/store/pool.ts';
import { findRun, type RunRow } from '../../activities/store/runs.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import type { Variables } from '../recipe/data-files.ts';
import { forkedRecipe } from '../recipe/forked-recipe.ts';
import type { RecipeProblem } from '../recipe/problems.ts';
import { startRun, type RunStart } from './start-run.ts';

/** What a fork is asked to be. */
export interface ForkOptions {
  /** The last iteration that is shared. */
  readonly iteration: number;
  readonly name: string;
  /** `path=value` changes of the recipe. */
  readonly set: readonly string[];
  readonly variables: Variables;
}

/** A fork that was started or found, and what in its recipe is seldom meant. */
export interface ForkStart {
  readonly start: RunStart;
  readonly warnings: readonly RecipeProblem[];
}

/**
 * Starts a run that goes on from a finished iteration of another one, or finds it. Nothing of the source is changed, and
 * what is shared is neither computed again nor copied.
 *
 * @param dataOption data folder as given on the command line
 * @param dataFolder its absolute path
 * @throws OperatorError when the iteration is not finished or a model of it damaged, a change contradicts what is shared,
 *   or the name belongs to another run
 */
export async function forkRun(
  database: Database,
  dataOption: string | undefined,
  dataFolder: string,
  source: RunRow,
  { iteration, name, set, variables }: ForkOptions,
): Promise<ForkStart> {
  const fork = { run: source.run, iteration };
  await requireFinished(database, source, iteration);
  const shared = await sharedModels(database, fork);
  const { checkpoint: base } = shared.base;
  const input = { source: source.recipe, iteration, name, set, variables, dataFolder, base };
  const former = await findRun(database, name);
  if (former === null) await requireFiles(dataFolder, fork.run, shared);
  const loaded = await forkedRecipe(input);
  return { start: await startRun(database, dataOption, dataFolder, loaded, fork), warnings: loaded.warnings };
}

async function requireFinished(database: Database, { run, recipe }: RunRow, iteration: number): Promise<void> {
  const finished = await finishedIterations(database, run);
  if (finished.includes(iteration)) return;
  const there = finished.length === 0 ? 'none yet' : `${finished.join(', ')} finished`;
  const waiting = iteration <= recipe.iterations ? `; \`thoughtloop watch ${run}\` shows when it is` : '';
  throw new OperatorError({
    expected: `a finished iteration of run ${run} in --from-iteration`,
    found: `${iteration}, with ${there}`,
    remedy:
      finished.length === 0 ? `Wait until its warm start is done${waiting}.` : `Fork from one of these${waiting}.`,
    exitCode: EXIT_CODES.badInput,
  });
}

/** Makes sure that the files of the models from which a fork goes on are what the store says. */
async function requireFiles(dataFolder: string, run: string, { base, models }: SharedModels): Promise<void> {
  const last = models.at(-1) ?? models[0];
  for (const { checkpoint } of new Set([base, models[0], last])) {
    try {
      await verifyCheckpoint(dataFolder, checkpoint);
    } catch (error) {
      if (!(error instanceof ApplicationFailure)) throw error;
      throw new OperatorError({
        expected: `the models that are shared with run ${run} as they were made`,
        found: `one that is not: ${error.message}`,
        where: join(dataFolder, checkpoint.folder),
        remedy: 'Restore its files, or fork from an iteration before it.',
        cause: error,
      });
    }
  }
}
