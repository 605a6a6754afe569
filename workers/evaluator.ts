import { createEvaluationActivities } from '../activities/evaluation/activities.ts';
import { TASK_QUEUES } from '../workflows/contract/task-queues.ts';
import { runWorker } from './run-worker.ts';

/** Benchmarks and likelihoods. */
await runWorker('evaluator', (dependencies) => ({
  taskQueue: TASK_QUEUES.evaluation,
  activities: createEvaluationActivities(dependencies),
  maxConcurrentActivityTaskExecutions: 4,
  shutdownGraceTime: '60 seconds',
}));
