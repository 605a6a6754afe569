import { Context } from '@temporalio/activity';
import { TemporalFailure } from '@temporalio/common';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import { readJson, writeJsonAtomically } from '../clusters/atomic-json.ts';
import type { ClusterContext } from '../clusters/cluster-context.ts';
import { hasEnded, type JobCluster, type JobHandle } from '../clusters/job-cluster.ts';
import { recordJob, recordSubmission, submissionAge } from '../store/jobs.ts';
import type { ServerJob } from './server-job.ts';

/** The launcher's exit code "start me again": nothing of a server is worth keeping, so it is not used. */
const NO_REQUEUE = { requeueExitCode: 75, maxRequeues: 0 } as const;

/** For the launcher to end vLLM with all its processes. */
const GRACE_SECONDS = 30;

/** Between two looks for `endpoint.json`, a file in the job's folder. */
const ENDPOINT_POLL_MILLISECONDS = 250;

const Endpoint = z.object({ key: z.string(), url: z.url(), servedName: z.string() });
export type Endpoint = z.infer<typeof Endpoint>;

/** What came of handing a serving job to its cluster. */
export type Submission =
  /** `ageSeconds`: time since it was submitted first, by the store's clock alone. */
  | { readonly kind: 'submitted'; readonly handle: JobHandle; readonly ageSeconds: number }
  /** The cluster cannot run it, or cannot be reached. */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Finds a serving job on its cluster by its key, or submits it.
 * @throws the store's and the file system's failures, such as DiskFull, which are not the cluster's
 */
export async function startServer(
  { database, dataFolder, programs }: ClusterContext,
  cluster: JobCluster,
  { record, spec }: ServerJob,
): Promise<Submission> {
  const job = await recordJob(database, record);
  const folder = join(dataFolder, job.folder);
  let handle = await cluster.find(job.key, folder);
  if (handle === undefined) {
    const specFile = join(folder, 'spec.json');
    await writeJsonAtomically(specFile, spec);
    const argv = [...programs.serve, '--spec', specFile] as const;
    try {
      handle = await cluster.submit(job.key, { argv, env: {}, folder, ...NO_REQUEUE, graceSeconds: GRACE_SECONDS });
    } catch (error) {
      if (error instanceof TemporalFailure || !(error instanceof Error)) throw error;
      return { kind: 'refused', reason: error.message };
    }
  }
  await recordSubmission(database, job.key);
  return { kind: 'submitted', handle, ageSeconds: await submissionAge(database, job.key) };
}

/** What became of a start. */
export type Start =
  | { readonly kind: 'up'; readonly endpoint: Endpoint }
  /** `hung`: whether the job still runs and is to be stopped. */
  | { readonly kind: 'failed'; readonly hung: boolean; readonly reason: string };

/**
 * Waits until the launcher has written where its server listens.
 * @param deadline By `performance.now()`, milliseconds.
 */
export async function awaitEndpoint(cluster: JobCluster, handle: JobHandle, deadline: number): Promise<Start> {
  let nextStatus = 0;
  for (;;) {
    const endpoint = Endpoint.safeParse(await readJson(join(handle.folder, 'endpoint.json')));
    const now = performance.now();
    if (now >= nextStatus) {
      const status = await cluster.status(handle);
      if (hasEnded(status)) {
        return { kind: 'failed', hung: false, reason: status.kind === 'failed' ? status.reason : status.kind };
      }
      nextStatus = now + cluster.pollMilliseconds;
    }
    if (endpoint.success && endpoint.data.key === handle.key) return { kind: 'up', endpoint: endpoint.data };
    if (now > deadline) return { kind: 'failed', hung: true, reason: 'not ready within fleet.start_timeout_seconds' };
    await Context.current().sleep(ENDPOINT_POLL_MILLISECONDS);
  }
}
