import type { Connection } from '@temporalio/client';
import { DEPLOYMENT } from '../../workers/code-version.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { mapWindow } from '../../workflows/window.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { answered } from '../temporal-answer.ts';
import { messageOf } from '../unreachable.ts';

/** Temporal's numbers for the two kinds of tasks. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;

/** A worker that asks for work. */
export interface Poller {
  /** See `workerIdentity`. */
  readonly identity: string;
  /** Its code version; undefined for a worker that is not one of ours. */
  readonly version: string | undefined;
  /** When it last asked, milliseconds since 1970 by the server's clock: not to be compared with this machine's. */
  readonly lastAsked: number;
}

/** Who asks a task queue for work. */
export interface QueuePollers {
  readonly queue: string;
  /** Seen in the last minutes, by the server. */
  readonly pollers: readonly Poller[];
}

/**
 * Asks who polls thoughtloop's task queues.
 * @throws the connection's error when Temporal does not answer.
 */
export async function taskQueuePollers(connection: Connection, namespace: string): Promise<QueuePollers[]> {
  const queues = Object.values(TASK_QUEUES);
  // All have been answered when one throws: a call that is tried again on a connection that was closed ends the process.
  const found = await mapWindow(queues, queues.length, async (queue) => {
    const kinds = queue === TASK_QUEUES.control ? [WORKFLOW_TASKS, ACTIVITY_TASKS] : [ACTIVITY_TASKS];
    return mapWindow(kinds, kinds.length, (kind) => pollersOf(connection, namespace, queue, kind));
  });
  return queues.map((queue, at) => ({ queue, pollers: found[at]?.flat() ?? [] }));
}

async function pollersOf(
  connection: Connection,
  namespace: string,
  queue: string,
  taskQueueType: number,
): Promise<Poller[]> {
  const { pollers } = await answered(connection, () =>
    connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: queue }, taskQueueType }),
  );
  return (pollers ?? []).map(({ identity, deploymentOptions, lastAccessTime }) => ({
    identity: identity || 'unnamed',
    version: deploymentOptions?.deploymentName === DEPLOYMENT ? deploymentOptions.buildId || undefined : undefined,
    lastAsked: Number(lastAccessTime?.seconds ?? 0) * 1_000 + (lastAccessTime?.nanos ?? 0) / 1e6,
  }));
}

/** The different workers among these, by identity: one that asks for several kinds of tasks is one. */
export function workersOf(workers: readonly Pick<Poller, 'identity'>[]): string[] {
  return [...new Set(workers.map(({ identity }) => identity))];
}

/** What is said where no look at the pollers succeeded; `reason` is the last error. */
export function pollersUnknown(namespace: string, reason: unknown): OperatorError {
  return new OperatorError({
    expected: `Temporal to say which workers ask for work in namespace ${namespace}`,
    found: `that it could not be found out: ${messageOf(reason)}`,
    remedy: '`thoughtloop doctor` checks the server; then try again.',
    exitCode: EXIT_CODES.unreachable,
    cause: reason,
  });
}
