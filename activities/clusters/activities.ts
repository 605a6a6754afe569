import { join } from 'node:path';
import type { ClusterActivities } from '../../workflows/contract/activities.ts';
import { writeTokenizerTexts } from '../corpus/tokenizer-texts.ts';
import type { Dependencies } from '../dependencies.ts';
import { failure } from '../failure.ts';
import { releaseFleet, stopServerJob } from '../fleet/release-fleet.ts';
import { SERVER_PATIENCE, type ServerPatience } from '../fleet/server-patience.ts';
import { superviseServer } from '../fleet/supervise-server.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { awaitModelJob, cancelModelJob } from '../m-step/await-model-job.ts';
import { baseJob, baseTextsFile, trainingJob } from '../m-step/model-job.ts';
import type { TrainingProgress } from '../m-step/progress.ts';
import { submitModelJob } from '../m-step/start-model-job.ts';
import { requireTrainingSet } from '../m-step/verify-training-set.ts';
import { verifyCheckpoint } from '../m-step/verify-checkpoint.ts';
import { requireStore } from '../store/data-folder.ts';
import { findJob, type Job, type ModelJobDetails } from '../store/jobs.ts';
import { clusterContext, type ClusterContext } from './cluster-context.ts';
import { watchedContext } from './watched-context.ts';

/** Documents that a tokenizer is trained on at most: beyond it merges hardly change, and they are held in memory. */
const TOKENIZER_DOCUMENTS = 200_000;

/**
 * A watcher looks at its job every few seconds; an hour without a look, milliseconds, is the hashing of a checkpoint of
 * 700 GB at 200 MB/s, and longer than any step in between.
 */
const WATCH_SILENCE_MS = 3_600_000;

/** What may be changed: programs in place of the trainer and the launcher; by tests, patience. */
export type ClusterActivityChanges = Parameters<typeof clusterContext>[1] & {
  readonly serverPatience?: ServerPatience;
};

/** Jobs on clusters: base models, trainings, servers. */
export function createClusterActivities(
  dependencies: Dependencies,
  { serverPatience = SERVER_PATIENCE, ...changes }: ClusterActivityChanges = {},
): ClusterActivities {
  const context = clusterContext(dependencies, changes);
  const { dataFolder } = context;
  return {
    submitBase: (input) =>
      withHeartbeat(async () => {
        await requireStore(context);
        const { run, corpus, model } = input;
        if (model.source === 'random') {
          const texts = join(dataFolder, baseTextsFile(run));
          await writeTokenizerTexts(context.database, corpus, run, texts, TOKENIZER_DOCUMENTS);
        }
        const { key, cluster } = await submitModelJob(context, baseJob(input, dataFolder));
        return { key, cluster };
      }),

    submitTraining: (input) =>
      withHeartbeat(async () => {
        await requireStore(context);
        await verifyCheckpoint(dataFolder, input.init);
        await requireTrainingSet(dataFolder, input.trainingSet);
        const { key, cluster } = await submitModelJob(context, trainingJob(input, dataFolder));
        return { key, cluster };
      }),

    async awaitJob({ key }) {
      let progress: TrainingProgress | null = null;
      return withHeartbeat(
        async (looked) => {
          await requireStore(context);
          const job = await modelJob(context, key);
          return awaitModelJob(watchedContext(context, looked), job, (now) => (progress = now));
        },
        { details: () => progress, silenceMs: WATCH_SILENCE_MS },
      );
    },

    cancelJob: ({ key }) =>
      withHeartbeat(async () => {
        const job = await findJob(context.database, key);
        if (job === undefined) return;
        if (isModelJob(job)) await cancelModelJob(context, job);
        else await stopServerJob(context, job.cluster, job);
      }),

    superviseServer: (input) =>
      withHeartbeat(
        async (looked) => {
          await requireStore(context);
          await superviseServer(watchedContext(context, looked), input, serverPatience);
        },
        { silenceMs: WATCH_SILENCE_MS },
      ),

    releaseFleet: ({ fleet }) => withHeartbeat(() => releaseFleet(context, fleet)),
  };
}

async function modelJob({ database }: ClusterContext, key: string): Promise<Job<ModelJobDetails>> {
  const job = await findJob(database, key);
  if (job === undefined || !isModelJob(job))
    throw failure('JobLost', `Expected a job ${key} in the store, found none: submit it again`);
  return job;
}

const isModelJob = (job: Job): job is Job<ModelJobDetails> => job.kind !== 'server';
