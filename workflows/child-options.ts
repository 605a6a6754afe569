import { ChildWorkflowCancellationType, ParentClosePolicy, type ChildWorkflowOptions } from '@temporalio/workflow';
import { placeAttributes } from './attributes.ts';
import type { Place } from './contract/ids.ts';
import type { Phase } from './contract/search-attributes.ts';
import { TASK_QUEUES } from './contract/task-queues.ts';

/**
 * Options of every child: it is asked to cancel, and waited for, when its parent is cancelled or closes, so that jobs
 * and servers are given back before the parent ends.
 */
export function childOptions(
  workflowId: string,
  place: Place,
  phase: Phase,
  summary: string,
): Omit<ChildWorkflowOptions, 'typeInfo'> {
  return {
    workflowId,
    taskQueue: TASK_QUEUES.control,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    typedSearchAttributes: placeAttributes(place, phase, 'Running'),
    staticSummary: summary,
  };
}
