import { resolve } from 'node:path';
import { clusterByName } from '../../activities/clusters/cluster-by-name.ts';
import type { JobLine } from '../../activities/report/queries/machinery.ts';

/**
 * The last lines of what a job wrote, as its cluster has them; empty where there are none or the job is not known any
 * more.
 */
export async function jobLog(dataFolder: string, job: JobLine, lines: number): Promise<readonly string[]> {
  const cluster = clusterByName(job.cluster, { python: process.env['THOUGHTLOOP_PYTHON'] ?? 'python3' });
  const key = job.restarts === 0 ? job.key : `${job.key}/r${job.restarts}`;
  const handle = await cluster.find(key, resolve(dataFolder, job.folder));
  return handle === undefined ? [] : cluster.logs(handle, lines);
}
