import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { setTimeout as pause } from 'node:timers/promises';
import type { Queryable } from '../../activities/store/pool.ts';
import { findRun } from '../../activities/store/runs.ts';
import { runWorkflowId } from '../../workflows/contract/ids.ts';
import { OperatorError } from '../operator-error.ts';
import { tell } from '../output.ts';
import { withTemporal } from './temporal-client.ts';

/** Longest wait for a cancelled run to end, milliseconds: its trainers have two minutes to write a checkpoint. */
const END_MILLISECONDS = 300_000;

/** Time between two looks, and longest wait for the answer to one, milliseconds. */
const LOOK_MILLISECONDS = 200;
const ANSWER_MILLISECONDS = 10_000;

/**
 * Waits, bounded, until a run that is being cancelled has ended: who starts it again must not be given the execution
 * that stops. A run that is not being cancelled is not waited for.
 *
 * @throws OperatorError when it does not end in five minutes
 */
export async function awaitCancellation(
  database: Queryable,
  dataOption: string | undefined,
  run: string,
): Promise<void> {
  await withTemporal(dataOption, (client) => awaitEnd(run, () => isEnding(client, database, run)));
}

/** As `awaitCancellation`, of whatever says whether the run is still ending. */
export async function awaitEnd(
  run: string,
  ending: () => Promise<boolean>,
  milliseconds: number = END_MILLISECONDS,
): Promise<void> {
  if (!(await ending())) return;
  tell(`Run ${run} is being cancelled: it is taken up again once its jobs and servers have stopped.`);
  const end = performance.now() + milliseconds;
  do {
    if (performance.now() >= end) throw stillEnding(run, milliseconds);
    await pause(LOOK_MILLISECONDS);
  } while (await ending());
}

/** Whether a run's workflow is open and was told to stop, or has said that it does. */
async function isEnding(client: Client, database: Queryable, run: string): Promise<boolean> {
  try {
    const { status, raw } = await client.connection.withDeadline(Date.now() + ANSWER_MILLISECONDS, () =>
      client.workflow.getHandle(runWorkflowId(run)).describe(),
    );
    if (status.name !== 'RUNNING') return false;
    if (raw.workflowExtendedInfo?.cancelRequested === true) return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
  // It ends without having been told when a workflow below it was cancelled. Asked after Temporal, so that the word of
  // an execution that has closed is never taken for that of the next one.
  return (await findRun(database, run))?.status === 'Canceled';
}

function stillEnding(run: string, milliseconds: number): OperatorError {
  return new OperatorError({
    expected: `the cancellation of run ${run} to end within ${milliseconds / 1_000} s`,
    found: 'its workflow still open',
    remedy:
      `Nothing was started. Start it again once \`thoughtloop status ${run}\` says Canceled; ` +
      '`thoughtloop doctor` shows whether workers poll, without which no run ends.',
  });
}
