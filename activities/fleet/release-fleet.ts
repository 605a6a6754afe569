import { join } from 'node:path';
import type { ClusterContext } from '../clusters/cluster-context.ts';
import { openServerJobs, recordEnd, type Job } from '../store/jobs.ts';
import { recordFleetGone } from '../store/servers.ts';

/** Stops one serving job and closes it; nothing happens to one that has ended or was never submitted. */
export async function stopServerJob(
  { database, dataFolder, cluster }: ClusterContext,
  clusterName: string,
  { key, folder }: Pick<Job, 'key' | 'folder'>,
): Promise<void> {
  const adapter = cluster(clusterName);
  const handle = await adapter.find(key, join(dataFolder, folder));
  if (handle !== undefined) await adapter.cancel(handle);
  await recordEnd(database, key, 'cancelled');
}

/**
 * Stops whatever runs of a fleet: for the end of a fleet whose supervisors could not stop their servers themselves,
 * since their worker was dead when the cancellation came.
 */
export async function releaseFleet(context: ClusterContext, fleet: string): Promise<void> {
  await recordFleetGone(context.database, fleet);
  const jobs = await openServerJobs(context.database, fleet);
  await Promise.all(jobs.map((job) => stopServerJob(context, job.cluster, job)));
}
