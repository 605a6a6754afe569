import { mkdir, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { writeJsonAtomically } from '../clusters/atomic-json.ts';
import type { ClusterContext } from '../clusters/cluster-context.ts';
import type { JobHandle } from '../clusters/job-cluster.ts';
import { failure } from '../failure.ts';
import { recordedDigest } from '../store/checkpoints.ts';
import {
  isOver,
  recordEnd,
  recordJob,
  recordRestart,
  recordSubmission,
  type Job,
  type ModelJobDetails,
} from '../store/jobs.ts';
import type { ModelJob } from './model-job.ts';
import { examineResult } from './verify-checkpoint.ts';

/** EX_TEMPFAIL of sysexits.h: the trainer saved and asks to be started again. */
const REQUEUE_EXIT_CODE = 75;

/** More than a job of weeks is preempted on a busy cluster. */
const MAX_REQUEUES = 1_000;

/** To save a checkpoint of a large model to shared storage. */
const GRACE_SECONDS = 120;

/**
 * Writes a job's spec and hands it to its cluster, once a key. A result that is there and holds is left alone. A job
 * that was judged before (failed, cancelled) and is asked for again is started again: it goes on from its checkpoints.
 *
 * @throws CheckpointInvalid when there was a result and it is damaged or gone: nothing is written over it
 */
export async function submitModelJob(
  context: ClusterContext,
  { record, spec }: ModelJob,
): Promise<Job<ModelJobDetails>> {
  const { database, dataFolder } = context;
  // An unknown cluster is refused before anything is written.
  context.cluster(record.cluster);
  let job = await recordJob(database, record);
  const { output, result } = job.details;
  const verdict = await examineResult(join(dataFolder, output), result);
  if (verdict.kind === 'valid') {
    await recordEnd(database, job.key, 'succeeded');
    return job;
  }
  const lost = verdict.kind === 'damaged' ? verdict.reason : await lostResult(context, result, output);
  if (lost !== undefined) throw failure('CheckpointInvalid', `Expected the result of ${job.key}, found that ${lost}`);
  await writeJsonAtomically(specFile(dataFolder, record.folder), spec);
  if (isOver(job)) {
    await stopModelJob(context, job);
    job = await restartModelJob(context, job, { barren: 0 });
  }
  await startModelJob(context, job);
  return job;
}

/** A result that others may have been made from is not made again: it might come out another. */
async function lostResult({ database }: ClusterContext, key: string, folder: string): Promise<string | undefined> {
  const digest = await recordedDigest(database, { key, folder });
  return digest === undefined ? undefined : `DONE.json is missing in ${folder}, whose result had digest ${digest}`;
}

/** Counts one more start of the job, in a folder of its own. The start itself is {@link startModelJob}'s. */
export async function restartModelJob(
  { database }: ClusterContext,
  job: Job<ModelJobDetails>,
  changes: Partial<Pick<ModelJobDetails, 'barren' | 'step'>>,
): Promise<Job<ModelJobDetails>> {
  const restarts = job.details.restarts + 1;
  const folder = join(generationFolder(job), `r${restarts}`);
  return recordRestart(database, job, folder, { ...job.details, ...changes, restarts });
}

/** Ends the job's present start, where it runs. */
export async function stopModelJob({ dataFolder, cluster }: ClusterContext, job: Job<ModelJobDetails>): Promise<void> {
  const adapter = cluster(job.cluster);
  const handle = await adapter.find(startKey(job), join(dataFolder, job.folder));
  if (handle !== undefined) await adapter.cancel(handle);
}

/** Finds the job's present start on its cluster, or makes it. */
export async function startModelJob(context: ClusterContext, job: Job<ModelJobDetails>): Promise<JobHandle> {
  const { dataFolder, database, programs } = context;
  const cluster = context.cluster(job.cluster);
  const folder = join(dataFolder, job.folder);
  const key = startKey(job);
  let handle = await cluster.find(key, folder);
  if (handle === undefined) {
    await mkdir(folder, { recursive: true });
    await linkProgress(folder, join(dataFolder, job.details.output));
    const program = job.kind === 'base' ? programs.prepare : programs.train;
    handle = await cluster.submit(key, {
      argv: [...program, '--spec', specFile(dataFolder, generationFolder(job))],
      env: {},
      folder,
      requeueExitCode: REQUEUE_EXIT_CODE,
      maxRequeues: MAX_REQUEUES,
      graceSeconds: GRACE_SECONDS,
    });
  }
  await recordSubmission(database, job.key);
  return handle;
}

/** The cluster's key of a job's present start. */
const startKey = ({ key, details }: Job<ModelJobDetails>): string =>
  details.restarts === 0 ? key : `${key}/r${details.restarts}`;

/** Restarts have folders inside their generation's. */
const generationFolder = ({ folder, details }: Job<ModelJobDetails>): string =>
  details.restarts === 0 ? folder : dirname(folder);

const specFile = (dataFolder: string, folder: string): string => join(dataFolder, folder, 'spec.json');

/** Whoever looks at a job's folder finds its progress there. */
async function linkProgress(folder: string, output: string): Promise<void> {
  const link = join(folder, 'progress.jsonl');
  try {
    await symlink(join(relative(folder, dirname(output)), basename(output), 'progress.jsonl'), link);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
