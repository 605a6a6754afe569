import type { QueuePollers } from '../stack/task-queue-pollers.ts';
import type { OpenWorkflow, RunningActivity } from '../versions/open-workflows.ts';

/** A worker of a task queue. */
export type QueueWorker = Pick<RunningActivity, 'identity' | 'version'>;

/** Who works for a task queue. */
export interface QueueWorkers {
  readonly queue: string;
  readonly workers: readonly QueueWorker[];
}

/**
 * The workers of each queue: those that ask for work, and those that have so much in hand that they ask for no more. The
 * latter are told by the activities of open workflows, which go to another worker where heartbeats are missed.
 * @param open looked at before the queues were: a worker that came to its end in between has asked again.
 */
export function queueWorkers(queues: readonly QueuePollers[], open: readonly OpenWorkflow[]): QueueWorkers[] {
  const running = open.flatMap((workflow) => workflow.running);
  return queues.map(({ queue, pollers }) => {
    const all = [...pollers, ...running.filter((activity) => activity.queue === queue)];
    return { queue, workers: all.map(({ identity, version }) => ({ identity, version })) };
  });
}
