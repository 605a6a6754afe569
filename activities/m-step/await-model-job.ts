import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import type { TrainingResult } from '../../workflows/contract/references.ts';
import { readJson } from '../clusters/atomic-json.ts';
import type { ClusterContext } from '../clusters/cluster-context.ts';
import { hasEnded, type JobHandle, type JobStatus } from '../clusters/job-cluster.ts';
import { logTail } from '../clusters/log-tail.ts';
import { failure } from '../failure.ts';
import { endOfWatch } from '../lifecycle.ts';
import { recordCheckpoint, recordedDigest } from '../store/checkpoints.ts';
import { keepRevision, requireStore } from '../store/data-folder.ts';
import { isOver, recordCancelling, recordEnd, type Job, type ModelJobDetails } from '../store/jobs.ts';
import { findTrainingSet } from '../store/training-sets.ts';
import { silenceLimit } from './patience.ts';
import { readProgress, type TrainingProgress } from './progress.ts';
import { restartModelJob, startModelJob, stopModelJob } from './start-model-job.ts';
import { examineResult } from './verify-checkpoint.ts';
import { verifyTrainingSet } from './verify-training-set.ts';

/**
 * Watching a job that makes a model. Its states:
 *
 *     running ── ends ──► marker there and true ──► succeeded: checkpoint recorded, job closed
 *        │                marker there, files differ ──► CheckpointInvalid
 *        │                no marker: exited with a code ──► TrainingFailed with the log's end; TrainingSetInvalid where
 *        │                           what it trains on is no longer what it was
 *        │                no marker: killed, preempted, lost with its machine ──► started again, from its checkpoints;
 *        │                           after MAX_BARREN_STARTS in a row that got no step further: TrainingFailed, JobLost
 *        ├── silent for too long ──► stopped, then as if it had been killed
 *        ├── cancelled by the workflow ──► stopped, closed
 *        └── worker shut down, attempt reset ──► left running; the next attempt finds it by its key
 *
 * The program's exit code alone never makes a success.
 */

/** Starts in a row without a step of progress after which starting again is no use. */
const MAX_BARREN_STARTS = 3;

const FailedMarker = z.object({ key: z.string(), reason: z.string() });

/** How the watch of one start ended. */
type End =
  { readonly kind: 'ended'; readonly status: JobStatus } | { readonly kind: 'silent'; readonly seconds: number };

/**
 * Watches until the job's result is there.
 * @param onProgress Called with every new state of the training.
 * @throws TrainingFailed, JobLost, CheckpointInvalid, TrainingSetInvalid, StoreBehind; CancelledFailure when cancelled.
 */
export async function awaitModelJob(
  context: ClusterContext,
  found: Job<ModelJobDetails>,
  onProgress: (progress: TrainingProgress) => void,
): Promise<TrainingResult> {
  let job = found;
  try {
    let result = await finished(context, job);
    while (result === undefined) {
      const handle = await startModelJob(context, job);
      const end = await watch(context, job, handle, onProgress);
      if (end.kind === 'silent') await context.cluster(job.cluster).cancel(handle);
      result = await finished(context, job);
      if (result === undefined) job = await again(context, job, handle, end);
    }
    return result;
  } catch (error) {
    if (error instanceof CancelledFailure && endOfWatch() === 'stop') await cancelModelJob(context, job);
    throw error;
  }
}

/** Stops a job that makes a model and closes it; nothing happens to one that has ended. */
export async function cancelModelJob(context: ClusterContext, job: Job<ModelJobDetails>): Promise<void> {
  await recordCancelling(context.database, job.key);
  await stopModelJob(context, job);
  await recordEnd(context.database, job.key, 'cancelled');
}

/** Has a job that ended without a result started again, or says why not. */
async function again(
  context: ClusterContext,
  job: Job<ModelJobDetails>,
  handle: JobHandle,
  end: End,
): Promise<Job<ModelJobDetails>> {
  const { database, dataFolder } = context;
  const output = join(dataFolder, job.details.output);
  const step = (await readProgress(output))?.step ?? 0;
  const barren = step > job.details.step ? 0 : job.details.barren + 1;
  const verdict = await judge(job, end, barren, output);
  if (verdict.kind === 'over') {
    await recordEnd(database, job.key, verdict.type === 'JobLost' ? 'lost' : 'failed', verdict.reason);
    const set = job.kind === 'training' ? await findTrainingSet(database, job.details.place) : null;
    if (set !== null) await verifyTrainingSet(dataFolder, set);
    const log = await logTail(context.cluster(job.cluster), handle);
    throw failure(verdict.type, `Job ${job.key} ${verdict.reason}. End of its log:\n${log}`);
  }
  await Context.current().sleep(context.patience.restart * 1000 * 2 ** barren);
  const next = await restartModelJob(context, job, { barren, step: Math.max(step, job.details.step) });
  if (isOver(next)) throw failure('JobLost', `Job ${job.key} was ${next.state} from elsewhere`);
  return next;
}

/** The result, recorded, when the marker is there and its files hold. */
async function finished(context: ClusterContext, job: Job<ModelJobDetails>): Promise<TrainingResult | undefined> {
  const { database, dataFolder } = context;
  const { output, result, place, trial } = job.details;
  const verdict = await examineResult(join(dataFolder, output), result);
  if (verdict.kind === 'absent') return undefined;
  if (verdict.kind === 'damaged')
    throw failure('CheckpointInvalid', `Expected the result of ${job.key}, found that ${verdict.reason}`);
  const { digest, steps, tokens, loss, seconds } = verdict.marker;
  await requireStore(context);
  const recorded = await recordedDigest(database, { key: result, folder: output });
  if (recorded !== undefined && recorded !== digest) {
    throw failure(
      'CheckpointInvalid',
      `Expected the result of ${job.key} with digest ${recorded}, found one with digest ${digest} in ${output}`,
    );
  }
  const checkpoint = { key: result, digest, folder: output };
  if (job.kind === 'training' && typeof loss !== 'number') {
    await recordEnd(database, job.key, 'failed', 'ended without a finite loss');
    throw failure(
      'TrainingFailed',
      `Training ${job.key} ended without a finite loss: it diverged. Start another run with a lower learning rate`,
    );
  }
  const trained = { checkpoint, steps: steps ?? 0, tokens: tokens ?? 0, loss: loss ?? 0, seconds: seconds ?? 0 };
  await recordCheckpoint(database, place, trial, trained);
  await recordEnd(database, job.key, 'succeeded');
  await keepRevision(context);
  return trained;
}

async function watch(
  context: ClusterContext,
  job: Job<ModelJobDetails>,
  handle: JobHandle,
  onProgress: (progress: TrainingProgress) => void,
): Promise<End> {
  const { dataFolder, patience } = context;
  const cluster = context.cluster(job.cluster);
  const output = join(dataFolder, job.details.output);
  let started = false;
  let last: string | undefined;
  let heard = performance.now();
  for (;;) {
    const status = await cluster.status(handle);
    const progress = await readProgress(output);
    if (progress !== null && progress.at !== last) {
      // What is there at the first look is of an earlier start.
      started = last !== undefined || started;
      last = progress.at;
      heard = performance.now();
      onProgress(progress);
    }
    last ??= '';
    if (hasEnded(status)) return { kind: 'ended', status };
    // Time in a queue is the cluster's.
    if (status.kind === 'queued') heard = performance.now();
    const seconds = (performance.now() - heard) / 1000;
    const limit = job.kind === 'base' ? patience.base : silenceLimit(patience, started, progress?.paceSeconds ?? null);
    if (seconds > limit) return { kind: 'silent', seconds };
    await Context.current().sleep(cluster.pollMilliseconds);
  }
}

type Judgement =
  | { readonly kind: 'again' }
  | { readonly kind: 'over'; readonly type: 'TrainingFailed' | 'JobLost'; readonly reason: string };

/** Whether a job that ended without a result is started again. */
async function judge(job: Job<ModelJobDetails>, end: End, barren: number, output: string): Promise<Judgement> {
  const fruitless = barren >= MAX_BARREN_STARTS;
  const inVain = `${barren} times in a row without a step of progress`;
  if (end.kind === 'silent') {
    const silence = `said nothing for ${Math.round(end.seconds)} s and was stopped`;
    return fruitless ? { kind: 'over', type: 'TrainingFailed', reason: `${silence}, ${inVain}` } : { kind: 'again' };
  }
  const { status } = end;
  switch (status.kind) {
    case 'failed': {
      if (status.exitCode === null && !fruitless) return { kind: 'again' };
      const marker = FailedMarker.safeParse(await readJson(join(output, 'FAILED.json')));
      const stated = marker.success && marker.data.key === job.details.result ? `: ${marker.data.reason}` : '';
      const often = status.exitCode === null ? `, ${inVain}` : '';
      return { kind: 'over', type: 'TrainingFailed', reason: `${status.reason}${often}${stated}` };
    }
    case 'succeeded':
      return {
        kind: 'over',
        type: 'TrainingFailed',
        reason: `exited with 0 but left no DONE.json of ${job.details.result} in ${output}`,
      };
    default:
      return fruitless
        ? { kind: 'over', type: 'JobLost', reason: `was lost or preempted ${inVain}` }
        : { kind: 'again' };
  }
}
