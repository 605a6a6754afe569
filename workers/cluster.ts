import { createClusterActivities } from '../activities/clusters/activities.ts';
import { jobPrograms } from '../activities/clusters/cluster-context.ts';
import { TASK_QUEUES } from '../workflows/contract/task-queues.ts';
import { runWorker } from './run-worker.ts';

/** Watches jobs: trainings and servers. Its end only lets go of them; the next worker finds them by key. */
await runWorker('cluster', (dependencies, { python, trainer, server }) => ({
  taskQueue: TASK_QUEUES.cluster,
  activities: createClusterActivities(dependencies, { programs: jobPrograms(python, { trainer, server }) }),
  maxConcurrentActivityTaskExecutions: 200,
  shutdownGraceTime: '1 second',
}));
