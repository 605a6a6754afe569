import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { DEPLOYMENT } from '../../workers/code-version.ts';

/** gRPC's number for something that there is none of. */
const NOT_FOUND = 5;

/**
 * The version whose workers get what is new; undefined where there is none, so that workers without a version get it.
 * @throws the connection's error when Temporal does not answer or knows no worker deployments (before 1.29).
 */
export async function currentVersion(connection: Connection, namespace: string): Promise<string | undefined> {
  try {
    const { workerDeploymentInfo } = await connection.workflowService.describeWorkerDeployment({
      namespace,
      deploymentName: DEPLOYMENT,
    });
    return workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId || undefined;
  } catch (error) {
    if (isGrpcServiceError(error) && Number(error.code) === NOT_FOUND) return undefined;
    throw error;
  }
}

/**
 * Lets a version's workers get what is new: runs that start, and runs that go on to their next iteration.
 * @throws the server's error while the workers of that version have not all asked for work.
 */
export async function makeCurrent(connection: Connection, namespace: string, version: string): Promise<void> {
  await connection.workflowService.setWorkerDeploymentCurrentVersion({
    namespace,
    deploymentName: DEPLOYMENT,
    buildId: version,
  });
}
