import { WorkflowNotFoundError, type WorkflowClient, type WorkflowExecutionDescription } from '@temporalio/client';
import { DEPLOYMENT } from '../../workers/code-version.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { mapWindow } from '../../workflows/window.ts';
import { answered } from '../temporal-answer.ts';

/** A workflow of ours that has begun and not ended. */
export interface OpenWorkflow {
  readonly workflowId: string;
  readonly runId: string;
  /** The run of ours that it belongs to. */
  readonly run: string;
  /** Version of the workers that get its next task; undefined when it was last with workers without a version. */
  readonly version: string | undefined;
  readonly running: readonly RunningActivity[];
}

/** Work of a workflow that a worker has in hand. */
export interface RunningActivity {
  readonly queue: string;
  /** The worker's; see `workerIdentity`. */
  readonly identity: string;
  /** Code version of the worker; undefined for one without. */
  readonly version: string | undefined;
}

const AT_ONCE = 10;

/** Longest wait for the list, which may have several pages, milliseconds. */
const LIST_MILLISECONDS = 30_000;

/** Temporal's numbers for activities that a worker has in hand: started, and started and asked to stop. */
const IN_HAND: readonly unknown[] = [2, 3];

/** Events of a workflow that no worker has had yet: its start, and its first task. */
const EVENTS_OF_UNTOUCHED = 2;

/**
 * Open workflows of all runs, each with its version. Those that no worker has had yet go to the current one: left out.
 * @throws the connection's error when Temporal does not answer.
 */
export async function openWorkflows(client: WorkflowClient): Promise<OpenWorkflow[]> {
  const listed: { workflowId: string; runId: string }[] = [];
  const query = `ExecutionStatus = 'Running' and TaskQueue = '${TASK_QUEUES.control}'`;
  const list = async (): Promise<void> => {
    for await (const { workflowId, runId } of client.list({ query })) listed.push({ workflowId, runId });
  };
  await answered(client, list, LIST_MILLISECONDS);
  const found = await mapWindow(listed, AT_ONCE, (execution) => describe(client, execution));
  return found.filter((workflow) => workflow !== undefined);
}

async function describe(
  client: WorkflowClient,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
): Promise<OpenWorkflow | undefined> {
  try {
    const { status, raw, historyLength } = await answered(client, () => client.getHandle(workflowId, runId).describe());
    if (status.name !== 'RUNNING') return undefined;
    const { versioningInfo } = raw.workflowExecutionInfo ?? {};
    const override = versioningInfo?.versioningOverride;
    const { buildId, deploymentName } =
      override?.oneTime?.targetDeploymentVersion ??
      override?.pinned?.version ??
      versioningInfo?.deploymentVersion ??
      {};
    const version = deploymentName === DEPLOYMENT && versioningInfo?.behavior ? buildId || undefined : undefined;
    if (version === undefined && historyLength <= EVENTS_OF_UNTOUCHED) return undefined;
    return { workflowId, runId, run: workflowId.split('/')[0] ?? workflowId, version, running: runningActivities(raw) };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function runningActivities({ pendingActivities }: WorkflowExecutionDescription['raw']): RunningActivity[] {
  return (pendingActivities ?? [])
    .filter(({ state }) => IN_HAND.includes(state))
    .map(({ activityOptions, lastWorkerIdentity, lastDeploymentVersion: worker }) => ({
      queue: activityOptions?.taskQueue?.name ?? '',
      identity: lastWorkerIdentity || 'unnamed',
      version: worker?.deploymentName === DEPLOYMENT ? worker.buildId || undefined : undefined,
    }));
}
