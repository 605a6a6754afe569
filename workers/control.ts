import { fileURLToPath } from 'node:url';
import { createRecordActivities } from '../activities/record/activities.ts';
import { TASK_QUEUES } from '../workflows/contract/task-queues.ts';
import { runWorker } from './run-worker.ts';

/** Workflows, and quick activities on the store. */
await runWorker('control', (dependencies) => ({
  taskQueue: TASK_QUEUES.control,
  workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
  activities: createRecordActivities(dependencies),
  // A run has tens of workflows open; the default of 600 a GB of heap would never be reached but is not needed either.
  maxCachedWorkflows: 200,
}));
