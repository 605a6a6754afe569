import type { Connection } from '@temporalio/client';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';

/** Temporal's numbers for the two kinds of tasks. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;

/** Longest wait for an answer, milliseconds. */
const ANSWER_MS = 10_000;

/** Who asks a task queue for work. */
export interface QueuePollers {
  readonly queue: string;
  /** Worker identities, seen in the last minutes. */
  readonly workers: readonly string[];
  /** Who they are, and when each asked, milliseconds since 1970. */
  readonly pollers: readonly { readonly identity: string; readonly lastAsked: number }[];
  /** When the last of them asked, milliseconds since 1970; 0 when nobody did. */
  readonly lastAsked: number;
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
        .map(({ identity, lastAccessTime }) => ({
          identity: identity ?? 'unnamed',
          lastAsked: Number(lastAccessTime?.seconds ?? 0) * 1000,
        }));
      return {
        queue,
        workers: [...new Set(pollers.map(({ identity }) => identity))],
        pollers,
        lastAsked: Math.max(0, ...pollers.map(({ lastAsked }) => lastAsked)),
      };
    }),
  );
}
