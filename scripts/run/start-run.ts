import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { clusterByName } from '../../activities/clusters/cluster-by-name.ts';
import { findSplit } from '../../activities/store/corpora.ts';
import { keepRevision } from '../../activities/store/data-folder.ts';
import type { Database } from '../../activities/store/pool.ts';
import { findRun, reopenRun, startRun as writeRun, type RunRow } from '../../activities/store/runs.ts';
import { placeAttributes } from '../../workflows/attributes.ts';
import { MAIN_ARM, runWorkflowId } from '../../workflows/contract/ids.ts';
import type { RunInput } from '../../workflows/contract/messages.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { describeDifference, recipeDifferences } from '../recipe/difference.ts';
import type { LoadedRecipe } from '../recipe/load.ts';
import { requireJoined } from '../store-refusal.ts';
import { keepBenchmarkFiles } from './benchmark-copies.ts';
import { withTemporal } from './temporal-client.ts';
import { webLink } from './temporal-word.ts';

/** What `start` found or did. */
export interface RunStart {
  /** `started`: a new run; `resumed`: taken up again after a cancellation; `running`: it was; `ended`: it is over. */
  readonly kind: 'started' | 'resumed' | 'running' | 'ended';
  readonly row: RunRow;
  /** Page of the run in the Web UI. */
  readonly link: string | undefined;
}

/**
 * Starts a run, or finds it running. Doing it again, also after a crash at any point, starts nothing twice.
 *
 * @param dataOption data folder as given on the command line
 * @param dataFolder its absolute path
 * @throws OperatorError when the corpus or Temporal is not there, the database does not belong to the data folder, or the
 *   name belongs to a run with another recipe
 */
export async function startRun(
  database: Database,
  dataOption: string | undefined,
  dataFolder: string,
  loaded: LoadedRecipe,
): Promise<RunStart> {
  const { recipe, digest } = loaded;
  requireClusters(recipe);
  const former = await findRun(database, recipe.name);
  if (former !== null && former.digest !== digest) throw otherRecipe(former, recipe);
  if (former !== null && isOver(former)) return { kind: 'ended', row: former, link: undefined };
  await requireSplits(database, recipe);
  // Nothing is written for a run that Temporal is not there to take.
  return withTemporal(dataOption, async (client, where) => {
    await requireJoined({ database, dataFolder });
    await keepBenchmarkFiles(dataFolder, loaded.files);
    const { kind, row } = await writeRun(database, { run: recipe.name, recipe, digest });
    if (kind === 'different') throw otherRecipe(row, recipe);
    if (isOver(row)) return { kind: 'ended', row, link: undefined };
    if (row.status === 'Canceled') await reopenRun(database, row.run);
    await keepRevision({ database, dataFolder });
    await startWorkflow(client, row.run, recipe);
    const link = webLink(where, row.run);
    return { kind: kind === 'new' ? 'started' : row.status === 'Canceled' ? 'resumed' : 'running', row, link };
  });
}

const isOver = ({ status }: RunRow): boolean => status === 'Completed' || status === 'Failed';

async function startWorkflow(client: Client, run: string, recipe: Recipe): Promise<void> {
  const input: RunInput = { run, recipe };
  await client.workflow.start('run', {
    workflowId: runWorkflowId(run),
    taskQueue: TASK_QUEUES.control,
    args: [input],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    staticSummary: summary(recipe),
    typedSearchAttributes: new TypedSearchAttributes(
      placeAttributes({ run, arm: MAIN_ARM, iteration: 0 }, 'base', 'Running'),
    ),
  });
}

/** What the run is, in one line of the Web UI. */
function summary({ iterations, eStep, corpus, model, arms }: Recipe): string {
  const base = model.source === 'folder' ? model.path : model.source;
  const beside = arms.length === 0 ? '' : `, arms ${arms.map(({ name }) => name).join(', ')}`;
  return `${iterations} EM iterations, K = ${eStep.samples}, corpus ${corpus.name}, base ${base}${beside}`;
}

/**
 * Makes sure that the recipe's clusters are ones there are.
 * @throws OperatorError
 */
export function requireClusters({ mStep, fleet }: Recipe): void {
  for (const name of [mStep.cluster, fleet.cluster]) {
    try {
      clusterByName(name, { python: 'python3' });
    } catch (error) {
      throw new OperatorError({
        expected: 'the name of a cluster adapter in m-step.cluster and fleet.cluster',
        found: `\`${name}\``,
        remedy: error instanceof Error ? error.message : String(error),
        exitCode: EXIT_CODES.badInput,
        cause: error,
      });
    }
  }
}

/**
 * Makes sure that every split of the recipe has documents.
 * @throws OperatorError with all that are missing
 */
export async function requireSplits(database: Database, { corpus, evaluation }: Recipe): Promise<void> {
  const splits = [
    ...new Set([corpus.warmStart, corpus.train, ...(evaluation.heldOut === null ? [] : [evaluation.heldOut.split])]),
  ];
  const found = await Promise.all(splits.map((split) => findSplit(database, corpus.name, split)));
  const missing = splits.filter((_, index) => (found[index]?.documents ?? 0) === 0);
  if (missing.length === 0) return;
  throw new OperatorError({
    expected: `documents in every split of corpus ${corpus.name}`,
    found: `none in ${missing.join(', ')}`,
    remedy: `Import them: ${missing.map((split) => `thoughtloop corpus import FILE --corpus ${corpus.name} --split ${split}`).join('; ')}.`,
    exitCode: EXIT_CODES.badInput,
  });
}

function otherRecipe(row: RunRow, recipe: Recipe): OperatorError {
  const differences = recipeDifferences(row.recipe, recipe).map((difference) => `  ${describeDifference(difference)}`);
  return new OperatorError({
    expected: `the recipe that run ${row.run} was started with`,
    found: `another one`,
    where: `${differences.length} differences, old → new`,
    remedy: `Nothing was changed.\n${differences.join('\n')}\nStart it as another run: --set name=….`,
    exitCode: EXIT_CODES.badInput,
  });
}
