import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { DEPLOYMENT } from '../../workers/code-version.ts';
import { OperatorError } from '../operator-error.ts';
import type { StrandedRun } from './stranded.ts';

/** gRPC's number for something that there is none of. */
const NOT_FOUND = 5;

/**
 * Moves the open workflows of a run to a version: their next task, and the next attempts of their activities, go to its
 * workers. With that task done they are pinned there like any other; nothing is left that would hold them.
 * @throws OperatorError when the server cannot move workflows in this way.
 */
export async function moveRun(
  connection: Connection,
  namespace: string,
  { workflows }: Pick<StrandedRun, 'workflows'>,
  version: string,
): Promise<void> {
  const oneTime = { targetDeploymentVersion: { deploymentName: DEPLOYMENT, buildId: version } };
  for (const { workflowId, runId } of workflows) {
    try {
      const { workflowExecutionOptions } = await connection.workflowService.updateWorkflowExecutionOptions({
        namespace,
        workflowExecution: { workflowId, runId },
        workflowExecutionOptions: { versioningOverride: { oneTime } },
        updateMask: { paths: ['versioning_override'] },
      });
      if (!workflowExecutionOptions?.versioningOverride?.oneTime) throw tooOld(workflowId);
    } catch (error) {
      // It has ended meanwhile.
      if (!isGrpcServiceError(error) || Number(error.code) !== NOT_FOUND) throw error;
    }
  }
}

function tooOld(workflowId: string): OperatorError {
  return new OperatorError({
    expected: 'a Temporal server that moves a workflow once (1.32 or newer)',
    found: 'one that does not',
    where: workflowId,
    remedy: 'Upgrade the server, or run workers of the version that the workflow waits for.',
  });
}
