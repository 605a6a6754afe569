import type { Connection } from '@temporalio/client';
import { DEPLOYMENT } from '../../workers/code-version.ts';
import { OperatorError } from '../operator-error.ts';
import { answered } from '../temporal-answer.ts';
import { isNotFound } from './not-found.ts';
import type { StrandedRun } from './stranded.ts';

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
      const { workflowExecutionOptions } = await answered(connection, () =>
        connection.workflowService.updateWorkflowExecutionOptions({
          namespace,
          workflowExecution: { workflowId, runId },
          workflowExecutionOptions: { versioningOverride: { oneTime } },
          updateMask: { paths: ['versioning_override'] },
        }),
      );
      if (!workflowExecutionOptions?.versioningOverride?.oneTime) throw tooOld(workflowId);
    } catch (error) {
      // It has ended meanwhile.
      if (!isNotFound(error)) throw error;
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
