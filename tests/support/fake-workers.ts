import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerDeploymentOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { DEPLOYMENT } from '../../workers/code-version.ts';
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
  /** Version of the workers; without one, they are such as have none. */
  readonly version?: string;
  /** Folder with the workflows. @default those of this checkout */
  readonly workflows?: string;
}

const WORKFLOWS = fileURLToPath(new URL('../../workflows', import.meta.url));

const bundles = new Map<string, Promise<WorkflowBundleWithSourceMap>>();

function bundle(workflows: string): Promise<WorkflowBundleWithSourceMap> {
  if (bundles.size === 0) Runtime.install({ logger: new DefaultLogger('ERROR') });
  const made =
    bundles.get(workflows) ??
    bundleWorkflowCode({ workflowsPath: join(workflows, 'index.ts'), logger: new DefaultLogger('ERROR') });
  bundles.set(workflows, made);
  return made;
}

const pinned = (buildId: string): WorkerDeploymentOptions => ({
  version: { deploymentName: DEPLOYMENT, buildId },
  useWorkerVersioning: true,
  defaultVersioningBehavior: 'PINNED',
});

/**
 * Starts a worker for each task queue: the real workflows over activities in memory. The first call of a test file installs
 * Temporal's runtime.
 * @returns stops them.
 */
export async function startFakeWorkers({
  address,
  fake,
  instead = {},
  replayAlways = false,
  version,
  workflows = WORKFLOWS,
}: FakeWorkersOptions): Promise<() => Promise<void>> {
  const workflowBundle = await bundle(workflows);
  const connection = await NativeConnection.connect({ address });
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
        ...(version === undefined ? {} : { workerDeploymentOptions: pinned(version) }),
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
