import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type {
  ClusterActivities,
  ControlActivities,
  EvaluationActivities,
  SamplingActivities,
} from './contract/activities.ts';
import {
  CLUSTER_HEARTBEAT_SECONDS,
  EVALUATION_HEARTBEAT_SECONDS,
  SAMPLING_HEARTBEAT_SECONDS,
} from './contract/limits.ts';
import { TASK_QUEUES } from './contract/task-queues.ts';

/**
 * A cancelled activity is waited for, so that its job or server has really ended before its workflow does. To be set:
 * without it the SDK sends the protocol's zero value, TRY_CANCEL, whatever its documentation names as default.
 */
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

/** Bookkeeping: short, tried until the store is back; a run does not end because PostgreSQL restarts. */
export const control = proxyActivities<ControlActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
});

/** Work on shards and files: long, heartbeating, resumed from the store by its next attempt; parks after about an hour of failures. */
export const sampling = proxyActivities<SamplingActivities>({
  taskQueue: TASK_QUEUES.sampling,
  cancellationType,
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: `${SAMPLING_HEARTBEAT_SECONDS} seconds`,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 60 },
});

/** Jobs on clusters: days long, re-attached by key; what fails for good says so by its type. */
export const cluster = proxyActivities<Omit<ClusterActivities, 'submitBase' | 'submitTraining'>>({
  taskQueue: TASK_QUEUES.cluster,
  cancellationType,
  startToCloseTimeout: '14 days',
  heartbeatTimeout: `${CLUSTER_HEARTBEAT_SECONDS} seconds`,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
});

/** Handing jobs to clusters: idempotent by key; a cluster that refuses for about an hour needs an operator, so it parks. */
export const submission = proxyActivities<Pick<ClusterActivities, 'submitBase' | 'submitTraining'>>({
  taskQueue: TASK_QUEUES.cluster,
  cancellationType,
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: `${CLUSTER_HEARTBEAT_SECONDS} seconds`,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 60 },
});

/** Benchmarks: long, heartbeating, every answer durable; parks (or is recorded as failed) after about an hour of failures. */
export const evaluating = proxyActivities<EvaluationActivities>({
  taskQueue: TASK_QUEUES.evaluation,
  cancellationType,
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: `${EVALUATION_HEARTBEAT_SECONDS} seconds`,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 60 },
});
