import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/workflow';
import type { Cause } from './contract/activities.ts';
import { FAILURES, failureType } from './contract/failures.ts';

/** The innermost failure: what activities and children wrap is about where, not why. */
function innermost(error: unknown): unknown {
  let current = error;
  while ((current instanceof ActivityFailure || current instanceof ChildWorkflowFailure) && current.cause) {
    current = current.cause;
  }
  return current;
}

/** The type of a failure of the closed list, or of whatever else was thrown. */
export function typeOf(error: unknown): string {
  const inner = innermost(error);
  if (inner instanceof ApplicationFailure) return inner.type ?? 'Error';
  if (inner instanceof TimeoutFailure) return 'Timeout';
  return inner instanceof Error ? inner.name : 'Error';
}

/** What the operator is told of a failure. */
export function causeOf(error: unknown, workflow: string): Cause {
  const inner = innermost(error);
  const type = typeOf(error);
  const known = failureType(type);
  return {
    type,
    message: inner instanceof Error ? inner.message : String(inner),
    remedy: known ? FAILURES[known].remedy : 'see the failed activity in the Temporal Web UI, then decide retry',
    workflow,
  };
}
