import { CancellationScope, CancelledFailure, isCancellation } from '@temporalio/workflow';
import type { JobRef, PrepareBaseInput, SubmitTrainingInput } from './contract/activities.ts';
import { baseModelKey, trainingKey } from './contract/ids.ts';
import type { TrainingResult } from './contract/references.ts';
import { cluster, submission } from './proxies.ts';

/** Trains one model: submit once per key, wait for its marker, stop the job when cancelled. */
export async function training(input: SubmitTrainingInput): Promise<TrainingResult> {
  const key = trainingKey(input.place, input.trial, input.generation);
  return made({ key, cluster: input.cluster }, () => submission.submitTraining(input));
}

/** Makes the base model: the recipe's weights and tokenizer with the four markers added. */
export async function baseModel(input: PrepareBaseInput): Promise<TrainingResult> {
  const key = baseModelKey(input.run, input.generation);
  return made({ key, cluster: input.cluster }, () => submission.submitBase(input));
}

/**
 * The result of a job. A cancellation stops the job whatever the activities end with: one whose worker is dead ends by a
 * timeout instead of a cancellation, and a submission that was cut off may have submitted.
 */
async function made(job: JobRef, submit: () => Promise<JobRef>): Promise<TrainingResult> {
  try {
    await submit();
    return await cluster.awaitJob.executeWithOptions({ summary: job.key }, [job]);
  } catch (error) {
    if (!CancellationScope.current().consideredCancelled) throw error;
    await CancellationScope.nonCancellable(() => cluster.cancelJob(job));
    throw isCancellation(error) ? error : new CancelledFailure(`Cancelled, and job ${job.key} stopped`);
  }
}
