import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { JobRef, PrepareBaseInput, SubmitTrainingInput } from './contract/activities.ts';
import type { TrainingResult } from './contract/references.ts';
import { cluster } from './proxies.ts';

/** Trains one model: submit once per key, wait for its marker, stop the job when cancelled. */
export async function training(input: SubmitTrainingInput): Promise<TrainingResult> {
  return watched(await cluster.submitTraining(input));
}

/** Makes the base model: the recipe's weights and tokenizer with the four markers added. */
export async function baseModel(input: PrepareBaseInput): Promise<TrainingResult> {
  return watched(await cluster.submitBase(input));
}

async function watched(job: JobRef): Promise<TrainingResult> {
  try {
    return await cluster.awaitJob.executeWithOptions({ summary: job.key }, [job]);
  } catch (error) {
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => cluster.cancelJob(job));
    throw error;
  }
}
