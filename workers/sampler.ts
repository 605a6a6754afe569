import { createCorpusActivities } from '../activities/corpus/activities.ts';
import { createSamplingActivities } from '../activities/e-step/activities.ts';
import { TASK_QUEUES } from '../workflows/contract/task-queues.ts';
import { runWorker } from './run-worker.ts';

/** Sampling, planning and training-set export. */
await runWorker('sampler', (dependencies, config) => ({
  taskQueue: TASK_QUEUES.sampling,
  activities: { ...createCorpusActivities(dependencies), ...createSamplingActivities(dependencies) },
  maxConcurrentActivityTaskExecutions: config.shardsAtOnce,
  // Requests in flight come to their end before the process does.
  shutdownGraceTime: '60 seconds',
}));
