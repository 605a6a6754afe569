import type { Connection } from '@temporalio/client';
import { DEPLOYMENT } from '../../workers/code-version.ts';
import { answered } from '../temporal-answer.ts';
import { isNotFound } from './not-found.ts';

/** Longest wait until the server has told its task queues, milliseconds. */
const CHANGE_MILLISECONDS = 30_000;

/**
 * The version whose workers get what is new; undefined where there is none, so that workers without a version get it.
 * @throws the connection's error when Temporal does not answer or knows no worker deployments (before 1.29).
 */
export async function currentVersion(connection: Connection, namespace: string): Promise<string | undefined> {
  try {
    const { workerDeploymentInfo } = await answered(connection, () =>
      connection.workflowService.describeWorkerDeployment({ namespace, deploymentName: DEPLOYMENT }),
    );
    return workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId || undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Lets a version's workers get what is new: runs that start, and runs that go on to their next iteration.
 * @throws the server's error while the workers of that version have not all asked for work.
 */
export async function makeCurrent(connection: Connection, namespace: string, version: string): Promise<void> {
  const change = { namespace, deploymentName: DEPLOYMENT, buildId: version };
  await answered(
    connection,
    () => connection.workflowService.setWorkerDeploymentCurrentVersion(change),
    CHANGE_MILLISECONDS,
  );
}
