import { createCorpusActivities } from '../activities/corpus/activities.ts';
import { createSamplingActivities } from '../activities/e-step/activities.ts';
import { TASK_QUEUES } from '../workflows/contract/task-queues.ts';
import { runWorker } from './run-worker.ts';

/** Sampling, planning and training-set export. */
await runWorker('sampler', (dependencies, config) => ({
  taskQueue: TASK_QUEUES.sampling,
  activities: { ...createCorpusActivities(dependencies), ...createSamplingActivities(dependencies) },
  maxConcurrentActivityTaskExecutions: config.shardsAtOnce,
  // Told at once, a shard takes no more chunks and has its own 20 s for those under way.
  shutdownGraceTime: '1 second',
  shutdownForceTime: '40 seconds',
}));
