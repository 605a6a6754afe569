import { expect, it } from 'vitest';
import { queueWorkers } from '../../scripts/doctor/queue-workers.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';

it('a worker with so much in hand that it does not ask for work is a worker of its queue', () => {
  const busy = { queue: TASK_QUEUES.sampling, identity: 'sampler@2@here', version: 'v' };
  const idle = { identity: 'cluster@1@here', version: 'v', lastAsked: 0 };
  const queues = [
    { queue: TASK_QUEUES.sampling, pollers: [] },
    { queue: TASK_QUEUES.cluster, pollers: [idle] },
  ];
  const open = { workflowId: 'r/i1/e', runId: 'x', run: 'r', version: 'v', running: [busy, busy] };
  const worker = { identity: 'sampler@2@here', version: 'v' };
  expect(queueWorkers(queues, [open])).toEqual([
    { queue: TASK_QUEUES.sampling, workers: [worker, worker] },
    { queue: TASK_QUEUES.cluster, workers: [{ identity: 'cluster@1@here', version: 'v' }] },
  ]);
});
