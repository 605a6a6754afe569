import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { setTimeout as pause } from 'node:timers/promises';
import type { Queryable } from '../../activities/store/pool.ts';
import { findRun, type RunRow } from '../../activities/store/runs.ts';
import { MESSAGES, type Decision, type DecisionAnswer } from '../../workflows/contract/messages.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { operationalSettings } from '../recipe/operational-settings.ts';
import { withTemporal } from './temporal-client.ts';

/** Longest wait for a worker to take the decision, milliseconds. */
const ANSWER_MILLISECONDS = 60_000;

/**
 * Tells a parked run what to do.
 *
 * @param question the question that the operator saw; undefined for the one that the store has
 * @param set `path=value` changes of operational settings
 * @throws OperatorError when the run is not parked, a setting cannot be changed, or the workflow refuses
 */
export async function decide(
  dataFolder: string | undefined,
  row: RunRow,
  action: Decision['action'],
  question: string | undefined,
  set: readonly string[],
): Promise<DecisionAnswer> {
  if (row.status !== 'Parked' || row.cause === null) {
    throw new OperatorError({
      expected: 'a run that waits for a decision',
      found: `run ${row.run} ${row.status.toLowerCase()} in ${row.phase}`,
      remedy: `\`thoughtloop status ${row.run}\` shows what it does.`,
      exitCode: EXIT_CODES.badInput,
    });
  }
  const settings = operationalSettings(row.recipe, set, row.iteration);
  if (settings.kind === 'refused') {
    throw new OperatorError({
      expected: 'settings that can be changed under way',
      found: `${settings.problems.length === 1 ? 'one' : settings.problems.length} that cannot`,
      where: '--set',
      remedy: settings.problems.map(({ message }) => message).join('\n'),
      exitCode: EXIT_CODES.badInput,
    });
  }
  const asked = question ?? row.cause.question;
  const decision: Decision = {
    action,
    ...(asked === undefined ? {} : { question: asked }),
    ...(set.length === 0 ? {} : { set: settings.set }),
  };
  const { workflow } = row.cause;
  return withTemporal(dataFolder, async (client) => {
    try {
      return await client.connection.withDeadline(Date.now() + ANSWER_MILLISECONDS, () =>
        client.workflow
          .getHandle(workflow)
          .executeUpdate<DecisionAnswer, [Decision]>(MESSAGES.decide, { args: [decision] }),
      );
    } catch (error) {
      throw explained(error, row.run, workflow);
    }
  });
}

/** Longest wait for the run to say that it goes on, and time between two looks, milliseconds. */
const GOING_ON_MILLISECONDS = 30_000;
const LOOK_MILLISECONDS = 200;

/**
 * Waits, bounded, until the store says that the run is no longer where it was parked: who watches it next must not find
 * it parked still.
 */
export async function afterDecision(database: Queryable, parked: RunRow): Promise<void> {
  for (const end = Date.now() + GOING_ON_MILLISECONDS; Date.now() < end; await pause(LOOK_MILLISECONDS)) {
    const row = await findRun(database, parked.run);
    if (row?.status !== 'Parked' || row.updatedAt.getTime() !== parked.updatedAt.getTime()) return;
  }
}

/** Errors of Temporal's as the operator needs them; others as they are. */
function explained(error: unknown, run: string, workflow: string): unknown {
  if (error instanceof WorkflowUpdateFailedError) {
    return new OperatorError({
      expected: `workflow ${workflow} to take the decision`,
      found: `a refusal: ${error.cause?.message ?? error.message}`,
      remedy: `\`thoughtloop status ${run}\` shows what it waits for.`,
      exitCode: EXIT_CODES.badInput,
      cause: error,
    });
  }
  if (error instanceof WorkflowNotFoundError) {
    return new OperatorError({
      expected: `workflow ${workflow} to wait for the decision`,
      found: 'none of that id open',
      remedy: `\`thoughtloop start\` with the recipe of ${run} takes the run up again.`,
      exitCode: EXIT_CODES.failure,
      cause: error,
    });
  }
  if (isTimeout(error)) {
    return new OperatorError({
      expected: `a worker to take the decision within ${ANSWER_MILLISECONDS / 1_000} s`,
      found: 'no answer',
      remedy: 'Nothing was decided unless a worker takes it up later: `thoughtloop doctor` shows whether workers poll.',
      exitCode: EXIT_CODES.unreachable,
      cause: error,
    });
  }
  return error;
}

const isTimeout = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError' ||
    (error as { code?: unknown }).code === 4 ||
    isTimeout(error.cause));
