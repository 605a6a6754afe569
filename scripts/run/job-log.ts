import { join, resolve } from 'node:path';
import { clusterByName } from '../../activities/clusters/cluster-by-name.ts';
import { tailLines } from '../../activities/clusters/file-tail.ts';
import type { JobLine } from '../../activities/report/queries/machinery.ts';

/** What a job writes beside its log, in its folder. */
const BESIDE: Readonly<Record<JobLine['kind'], string>> = {
  base: 'progress.jsonl',
  training: 'progress.jsonl',
  server: 'vllm.log',
};

/**
 * The last lines of what a job wrote: vLLM's log or the trainer's progress, and behind it what the program itself said,
 * as its cluster has it. Empty where there is nothing, or this machine does not see it.
 */
export async function jobLog(dataFolder: string, job: JobLine, lines: number): Promise<readonly string[]> {
  const folder = resolve(dataFolder, job.folder);
  const beside = await tailLines(join(folder, BESIDE[job.kind]));
  const cluster = clusterByName(job.cluster, { python: process.env['THOUGHTLOOP_PYTHON'] ?? 'python3' });
  const key = job.restarts === 0 ? job.key : `${job.key}/r${job.restarts}`;
  const handle = await cluster.find(key, folder);
  const own = handle === undefined ? [] : await cluster.logs(handle, lines);
  return [...beside, ...own].slice(-lines);
}
