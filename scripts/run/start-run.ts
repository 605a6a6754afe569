import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { clusterByName } from '../../activities/clusters/cluster-by-name.ts';
import { findSplit } from '../../activities/store/corpora.ts';
import { keepRevision } from '../../activities/store/data-folder.ts';
import type { Database } from '../../activities/store/pool.ts';
import type { ForkPoint } from '../../activities/store/forks.ts';
import {
  beginsAt,
  describeFork,
  findRun,
  reopenRun,
  startRun as writeRun,
  type NewRun,
  type RunRow,
} from '../../activities/store/runs.ts';
import { placeAttributes } from '../../workflows/attributes.ts';
import { runWorkflowId } from '../../workflows/contract/ids.ts';
import type { RunInput, RunState } from '../../workflows/contract/messages.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { afterIteration, phaseOf, placeOf } from '../../workflows/run-place.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { describeDifference, recipeDifferences } from '../recipe/difference.ts';
import type { LoadedRecipe } from '../recipe/load.ts';
import { requireJoined } from '../store-refusal.ts';
import { beginning } from './beginning.ts';
import { keepBenchmarkFiles } from './benchmark-copies.ts';
import { awaitCancellation } from './cancellation-end.ts';
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
 * Starts a run, or finds it running. Doing it again, also after a crash at any point, starts nothing twice. Where a run
 * begins stands in its row: a cancelled fork goes on from what it shares, whichever command takes it up again. A run that
 * is being cancelled is waited for, five minutes at most, and then taken up.
 *
 * @param dataOption data folder as given on the command line
 * @param dataFolder its absolute path
 * @param fork where a fork begins; not given, the run begins where the one of its name does, or at the base model
 * @throws OperatorError when the corpus or Temporal is not there, the database does not belong to the data folder, the
 *   name belongs to a run with another recipe or beginning, or a cancellation does not end
 */
export async function startRun(
  database: Database,
  dataOption: string | undefined,
  dataFolder: string,
  loaded: LoadedRecipe,
  fork?: ForkPoint,
): Promise<RunStart> {
  const { recipe, digest } = loaded;
  requireClusters(recipe);
  const former = await findRun(database, recipe.name);
  if (former !== null && (former.digest !== digest || !beginsAt(former, fork))) throw otherRun(former, recipe, fork);
  if (former !== null && isOver(former)) return { kind: 'ended', row: former, link: undefined };
  await requireSplits(database, recipe, (former?.fork ?? fork)?.run);
  if (former !== null) await awaitCancellation(database, dataOption, former.run);
  // Nothing is written for a run that Temporal is not there to take.
  return withTemporal(dataOption, async (client, where) => {
    await requireJoined({ database, dataFolder });
    await keepBenchmarkFiles(dataFolder, loaded.files);
    const { kind, row } = await writeRun(database, newRun(loaded, fork));
    if (kind === 'different') throw otherRun(row, recipe, fork);
    if (isOver(row)) return { kind: 'ended', row, link: undefined };
    if (row.status === 'Canceled') await reopenRun(database, row.run);
    await keepRevision({ database, dataFolder });
    await startWorkflow(client, row, recipe, await beginning(database, row));
    const link = webLink(where, row.run);
    return { kind: kind === 'new' ? 'started' : row.status === 'Canceled' ? 'resumed' : 'running', row, link };
  });
}

const isOver = ({ status }: RunRow): boolean => status === 'Completed' || status === 'Failed';

/** The row of a run that is new: a fork stands where it begins. */
function newRun({ recipe, digest }: LoadedRecipe, fork: ForkPoint | undefined): NewRun {
  const run = { run: recipe.name, recipe, digest };
  if (fork === undefined) return run;
  const state = { next: afterIteration(recipe, fork.iteration) };
  const { arm, iteration } = placeOf({ run: run.run, recipe, state });
  return { ...run, fork, at: { phase: phaseOf(state), arm, iteration } };
}

async function startWorkflow(
  client: Client,
  { run, fork }: RunRow,
  recipe: Recipe,
  state: RunState | undefined,
): Promise<void> {
  const input: RunInput = state === undefined ? { run, recipe } : { run, recipe, state };
  const phase = state === undefined ? 'base' : phaseOf(state);
  await client.workflow.start('run', {
    workflowId: runWorkflowId(run),
    taskQueue: TASK_QUEUES.control,
    args: [input],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    staticSummary: fork === null ? summary(recipe) : `fork of ${describeFork(fork)}: ${summary(recipe)}`,
    typedSearchAttributes: new TypedSearchAttributes(placeAttributes(placeOf(input), phase, 'Running')),
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
 * @param source run that is forked: only documents count that it reads
 * @throws OperatorError with all that are missing
 */
export async function requireSplits(
  database: Database,
  { corpus, evaluation }: Recipe,
  source?: string,
): Promise<void> {
  const splits = [
    ...new Set([corpus.warmStart, corpus.train, ...(evaluation.heldOut === null ? [] : [evaluation.heldOut.split])]),
  ];
  const sizes = await Promise.all(splits.map((split) => findSplit(database, corpus.name, split, source)));
  const missing = splits.filter((_, index) => (sizes[index]?.documents ?? 0) === 0);
  if (missing.length === 0) return;
  const expected = `documents in every split of corpus ${corpus.name}`;
  const found = `none in ${missing.join(', ')}`;
  if (source !== undefined) {
    throw new OperatorError({
      expected: `${expected} when run ${source} was started`,
      found,
      remedy: 'A fork reads what its source reads: name a split that was there, or start another run.',
      exitCode: EXIT_CODES.badInput,
    });
  }
  throw new OperatorError({
    expected,
    found,
    remedy: `Import them: ${missing.map((split) => `thoughtloop corpus import FILE --corpus ${corpus.name} --split ${split}`).join('; ')}.`,
    exitCode: EXIT_CODES.badInput,
  });
}

/** The run of that name is another one. */
function otherRun(row: RunRow, recipe: Recipe, fork: ForkPoint | undefined): OperatorError {
  const differences = recipeDifferences(row.recipe, recipe).map((difference) => `  ${describeDifference(difference)}`);
  if (fork !== undefined && !beginsAt(row, fork)) {
    const old = row.fork === null ? 'no fork' : `fork of ${describeFork(row.fork)}`;
    differences.unshift(`  ${old} → fork of ${describeFork(fork)}`);
  }
  const advice =
    fork === undefined
      ? `Start it as another run: --set name=…; or go on from one of its iterations with these changes: thoughtloop fork ${row.run} --from-iteration … --name … --set …`
      : 'Fork under another name: --name ….';
  return new OperatorError({
    expected: `the recipe${fork === undefined ? '' : ' and source'} that run ${row.run} was started with`,
    found: `another one`,
    where: `${differences.length} differences, old → new`,
    remedy: `Nothing was changed.\n${differences.join('\n')}\n${advice}`,
    exitCode: EXIT_CODES.badInput,
  });
}
