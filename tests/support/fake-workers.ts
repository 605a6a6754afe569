import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { FakeActivities } from './fake-activities.ts';

/** What workers for tests are made of. */
export interface FakeWorkersOptions {
  /** `host:port` of the Temporal server. */
  readonly address: string;
  /** The fake of the test that runs: every call goes to it. */
  readonly fake: () => FakeActivities;
  /** Activities in place of the fake's. */
  readonly instead?: object;
  /** Whether every workflow task replays from the start, so that what is not deterministic fails. */
  readonly replayAlways?: boolean;
}

/**
 * Starts a worker for each task queue: the real workflows over activities in memory. Installs Temporal's runtime, so one
 * call a test file.
 * @returns stops them.
 */
export async function startFakeWorkers({
  address,
  fake,
  instead = {},
  replayAlways = false,
}: FakeWorkersOptions): Promise<() => Promise<void>> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const faked = Object.fromEntries(
    Object.keys(new FakeActivities().activities()).map((name) => [
      name,
      (input: unknown) =>
        (fake().activities() as unknown as Record<string, (input: unknown) => unknown>)[name]?.(input),
    ]),
  );
  const workers = await Promise.all(
    Object.values(TASK_QUEUES).map(async (taskQueue) => {
      const worker = await Worker.create({
        connection,
        taskQueue,
        activities: { ...faked, ...instead },
        maxHeartbeatThrottleInterval: '200 milliseconds',
        defaultHeartbeatThrottleInterval: '200 milliseconds',
        ...(replayAlways ? { maxCachedWorkflows: 0 } : {}),
        ...(taskQueue === TASK_QUEUES.control ? { workflowBundle } : {}),
      });
      return { worker, ended: worker.run() };
    }),
  );
  return async () => {
    for (const { worker } of workers) worker.shutdown();
    await Promise.all(workers.map(({ ended }) => ended));
    await connection.close();
  };
}
