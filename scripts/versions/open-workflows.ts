import { WorkflowNotFoundError, type WorkflowClient } from '@temporalio/client';
import { DEPLOYMENT } from '../../workers/code-version.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { mapWindow } from '../../workflows/window.ts';

/** A workflow of ours that has begun and not ended. */
export interface OpenWorkflow {
  readonly workflowId: string;
  readonly runId: string;
  /** The run of ours that it belongs to. */
  readonly run: string;
  /** Version of the workers that get its next task; undefined when it was last with workers without a version. */
  readonly version: string | undefined;
}

const AT_ONCE = 10;

/** Events of a workflow that no worker has had yet: its start, and its first task. */
const EVENTS_OF_UNTOUCHED = 2;

/** Open workflows of all runs, each with its version. Those that no worker has had yet go to the current one: left out. */
export async function openWorkflows(client: WorkflowClient): Promise<OpenWorkflow[]> {
  const listed = [];
  const query = `ExecutionStatus = 'Running' and TaskQueue = '${TASK_QUEUES.control}'`;
  for await (const { workflowId, runId } of client.list({ query })) listed.push({ workflowId, runId });
  const found = await mapWindow(listed, AT_ONCE, (execution) => describe(client, execution));
  return found.filter((workflow) => workflow !== undefined);
}

async function describe(
  client: WorkflowClient,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
): Promise<OpenWorkflow | undefined> {
  try {
    const { status, raw, historyLength } = await client.getHandle(workflowId, runId).describe();
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
    return { workflowId, runId, run: workflowId.split('/')[0] ?? workflowId, version };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
