import { ApplicationFailure } from '@temporalio/common';
import { FAILURES, type FailureType } from '../workflows/contract/failures.ts';

/**
 * A failure of the closed list, ready to be thrown from an activity.
 * @param details Small and free of text from the corpus: it is shown in the Web UI.
 */
export function failure(type: FailureType, message: string, ...details: readonly unknown[]): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: !FAILURES[type].retryable,
    details: [...details],
  });
}

/** The same, but the activity is tried again until the operator has mended the cause, whatever its type says. */
export function waitingFailure(type: FailureType, message: string): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: false });
}
