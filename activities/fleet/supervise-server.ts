import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SuperviseServerInput } from '../../workflows/contract/activities.ts';
import type { FailureType } from '../../workflows/contract/failures.ts';
import { MAX_FAILED_STARTS } from '../../workflows/contract/limits.ts';
import type { ClusterContext } from '../clusters/cluster-context.ts';
import type { JobCluster, JobHandle } from '../clusters/job-cluster.ts';
import { logTail } from '../clusters/log-tail.ts';
import { failure } from '../failure.ts';
import { endOfWatch } from '../lifecycle.ts';
import { verifyCheckpoint } from '../m-step/verify-checkpoint.ts';
import { openServerJobs, recordCancelling, recordEnd } from '../store/jobs.ts';
import { writeEvent } from '../store/progress.ts';
import { isUntouched, recordGone, recordReady, takeSlot } from '../store/servers.ts';
import { admit, type Admission, type ExpectedModel } from '../vllm/admission.ts';
import { VllmClient } from '../vllm/client.ts';
import { loadServedModel } from '../vllm/served-model.ts';
import { stopServerJob } from './release-fleet.ts';
import { serverJob } from './server-job.ts';
import type { ServerPatience } from './server-patience.ts';
import { awaitEndpoint, startServer } from './start-server.ts';
import { watchServer } from './watch-server.ts';

/**
 * One server of a fleet. States of its slot:
 *
 *     starting ── endpoint, then admitted ──► ready ── job ends, or no sign of life ──► gone: ServerLost
 *        │                                      └───── cancelled by the workflow ─────► gone, job stopped
 *        ├── job ends or is too slow ──► gone: ServerLost, the MAX_FAILED_STARTS-th time in a row ServerStartFailed
 *        ├── serves something else ──► gone: WrongWeights, in the end ServerStartFailed too
 *        └── the cluster refuses the job ──► gone: ServerLost, in the end ServerStartFailed too
 *
 * A server whose attempt is known no more, and which no other attempt takes over, was left by a terminated workflow: it
 * is stopped too. The attempt after `gone` takes the slot's next generation, a new job. An attempt that finds the slot `starting` or
 * `ready` takes over the job that runs: its worker was shut down or died.
 */

/** A refusal that another start may cure: the server was busy, or going down. */
const PASSING: Extract<Admission, { kind: 'refused' }>['check'] = 'answers';

/** For a server that was ready before and is too busy to answer at once, milliseconds. */
const READMISSION_MILLISECONDS = 120_000;

/**
 * Keeps one server alive until cancelled.
 * @throws ServerLost, WrongWeights, ServerStartFailed, CheckpointInvalid; CancelledFailure when cancelled.
 */
export async function superviseServer(
  context: ClusterContext,
  input: SuperviseServerInput,
  patience: ServerPatience,
): Promise<void> {
  const { database, dataFolder } = context;
  const { place, fleet, slot, checkpoint, servedModel, settings } = input;
  const cluster = context.cluster(settings.cluster);
  await verifyCheckpoint(dataFolder, checkpoint);
  const model = await loadServedModel(dataFolder, checkpoint);
  const taken = await takeSlot(database, place.run, fleet, slot, servedModel);
  const { generation } = taken;
  let stamp = taken.stamp;
  const job = serverJob(input, generation, dataFolder);
  const { key } = job.record;
  await stopEarlierGenerations(context, fleet, slot, generation);

  /** Ends this generation and says how: `type` counts for a server that came up; a failed start may be the last. */
  async function giveUp(
    handle: JobHandle,
    end: { readonly type: FailureType; readonly failedStart: boolean; readonly stop: boolean; readonly reason: string },
  ): Promise<never> {
    const log = await logTail(cluster, handle);
    const failedStarts = await recordGone(database, fleet, slot, generation, end.failedStart);
    if (end.stop) await cluster.cancel(handle);
    await recordEnd(database, key, end.stop ? 'cancelled' : 'failed', end.reason);
    const type = end.failedStart && failedStarts >= MAX_FAILED_STARTS ? 'ServerStartFailed' : end.type;
    const message = `Server ${key}: ${end.reason}`;
    await writeEvent(database, place.run, 'server', message);
    throw failure(type, `${message}. End of its log:\n${log}`);
  }

  let client: VllmClient | undefined;
  try {
    const submission = await startServer(context, cluster, job);
    if (submission.kind === 'refused') {
      // Left open: if it was submitted after all, the next generation, or the fleet's end, stops it.
      const failedStarts = await recordGone(database, fleet, slot, generation, true);
      const message = `Server ${key}: could not be submitted: ${submission.reason}`;
      await writeEvent(database, place.run, 'server', message);
      throw failure(failedStarts >= MAX_FAILED_STARTS ? 'ServerStartFailed' : 'ServerLost', message);
    }
    const { handle, ageSeconds } = submission;
    const again = taken.state === 'ready';
    // Counted from here by the monotonic clock: a clock that jumps, or another than the store's, must not fail a start.
    const left = again ? READMISSION_MILLISECONDS : (settings.startTimeoutSeconds - ageSeconds) * 1000;
    const deadline = performance.now() + left;
    const start = await awaitEndpoint(cluster, handle, deadline);
    if (start.kind === 'failed') {
      const reason = again ? `lost while nobody watched: ${start.reason}` : `did not start: ${start.reason}`;
      return await giveUp(handle, { type: 'ServerLost', failedStart: !again, stop: start.hung, reason });
    }
    client = new VllmClient({ url: start.endpoint.url, servedName: servedModel });
    const admission = await admitted(client, model, cluster, handle, deadline, patience);
    if (admission.kind === 'refused') {
      const { check, message } = admission;
      const type = check === 'order' ? 'ServerStartFailed' : check === PASSING ? 'ServerLost' : 'WrongWeights';
      return await giveUp(handle, { type, failedStart: !again, stop: true, reason: `not admitted: ${message}` });
    }
    stamp = (await recordReady(database, fleet, slot, generation, start.endpoint.url)) ?? stamp;
    const loss = await watchServer(cluster, handle, client, [model.description.beginning], patience);
    return await giveUp(handle, {
      type: 'ServerLost',
      failedStart: false,
      stop: loss.hung,
      reason: `lost: ${loss.reason}`,
    });
  } catch (error) {
    const end = error instanceof CancelledFailure ? endOfWatch() : 'detach';
    const untouched = (): Promise<boolean> => isUntouched(database, fleet, slot, stamp);
    if (end === 'stop' || (end === 'orphaned' && (await staysTrue(untouched, patience.orphan)))) {
      await recordGone(database, fleet, slot, generation, false);
      await recordCancelling(database, key);
      await stopServerJob(context, settings.cluster, job.record);
    }
    throw error;
  } finally {
    await client?.close();
  }
}

/** Whether something is true now and stays so for a time, milliseconds. */
async function staysTrue(ask: () => Promise<boolean>, time: number): Promise<boolean> {
  const end = performance.now() + time;
  while (await ask()) {
    if (performance.now() > end) return true;
    await sleep(Math.min(1_000, time));
  }
  return false;
}

/** Jobs of the slot that an earlier attempt left behind: nobody asks them any more, and they hold memory. */
async function stopEarlierGenerations(
  context: ClusterContext,
  fleet: string,
  slot: number,
  generation: number,
): Promise<void> {
  for (const job of await openServerJobs(context.database, fleet)) {
    if (job.details.slot === slot && job.details.generation !== generation) {
      await stopServerJob(context, job.cluster, job);
    }
  }
}

/** Admits the server, again and again while it merely does not answer and its job runs, until the deadline. */
async function admitted(
  client: VllmClient,
  model: ExpectedModel,
  cluster: JobCluster,
  handle: JobHandle,
  deadline: number,
  { probe }: ServerPatience,
): Promise<Admission> {
  const activity = Context.current();
  for (;;) {
    const admission = await admit(client, model, probe, activity.cancellationSignal);
    // A request that the cancellation cut off looks like a server that does not answer.
    if (activity.cancellationSignal.aborted) await activity.cancelled;
    const final = admission.kind === 'admitted' || admission.check !== PASSING || performance.now() > deadline;
    if (final || (await cluster.status(handle)).kind !== 'running') return admission;
    await activity.sleep(cluster.pollMilliseconds);
  }
}
