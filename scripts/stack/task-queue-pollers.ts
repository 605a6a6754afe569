import type { Connection } from '@temporalio/client';
import { DEPLOYMENT } from '../../workers/code-version.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';

/** Temporal's numbers for the two kinds of tasks. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;

/** A worker without work asks again within a minute: one that has not asked for longer is gone. */
export const GONE_MILLISECONDS = 75_000;

/** A worker that asks for work. */
export interface Poller {
  /** See `workerIdentity`. */
  readonly identity: string;
  /** Its code version; undefined for a worker that is not one of ours. */
  readonly version: string | undefined;
  /** When it last asked, milliseconds since 1970 by the server's clock, to the second. */
  readonly lastAsked: number;
}

/** Longest wait for an answer, milliseconds. */
const ANSWER_MS = 10_000;

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
  return Promise.all(
    Object.values(TASK_QUEUES).map(async (queue) => {
      const kinds = queue === TASK_QUEUES.control ? [WORKFLOW_TASKS, ACTIVITY_TASKS] : [ACTIVITY_TASKS];
      const answers = await Promise.all(
        kinds.map((taskQueueType) =>
          connection.withDeadline(Date.now() + ANSWER_MS, () =>
            connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: queue }, taskQueueType }),
          ),
        ),
      );
      const pollers = answers
        .flatMap((answer) => answer.pollers ?? [])
        .map(({ identity, deploymentOptions, lastAccessTime }) => ({
          identity: identity || 'unnamed',
          version:
            deploymentOptions?.deploymentName === DEPLOYMENT ? deploymentOptions.buildId || undefined : undefined,
          lastAsked: Number(lastAccessTime?.seconds ?? 0) * 1000,
        }));
      return { queue, pollers };
    }),
  );
}

/** Whether a worker that last asked then is gone. */
export function isGone(lastAsked: number): boolean {
  return lastAsked < Date.now() - GONE_MILLISECONDS;
}

/** The different workers among pollers: one that asks for both kinds of tasks is one. */
export function workersOf(pollers: readonly Poller[]): string[] {
  return [...new Set(pollers.map(({ identity }) => identity))];
}
