import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import { typeOf } from './cause.ts';
import type { FailureType } from './contract/failures.ts';
import { hopelessMessage, type Rejections } from './contract/rejections.ts';

const TOO_MANY: FailureType = 'TooManyRejections';

/**
 * Runs work of several parts that ends as a whole with the first part that says that going on is in vain: the others are
 * cancelled, and come to their ends, instead of being waited for.
 *
 * @param work gets `part`, around each of its parts
 * @throws what that part threw; whatever else `work` throws
 */
export async function untilInVain<Result>(
  work: (part: <Part>(body: () => Promise<Part>) => Promise<Part>) => Promise<Result>,
): Promise<Result> {
  const scope = new CancellationScope();
  let inVain: { readonly error: unknown } | undefined;
  const part = async <Part>(body: () => Promise<Part>): Promise<Part> => {
    try {
      return await body();
    } catch (error) {
      if (typeOf(error) === TOO_MANY && inVain === undefined) {
        inVain = { error };
        scope.cancel();
      }
      throw error;
    }
  };
  try {
    return await scope.run(() => work(part));
  } catch (error) {
    throw inVain === undefined || CancellationScope.current().consideredCancelled ? error : inVain.error;
  }
}

/** The failure that says so. */
export function tooManyRejections(counts: Rejections, planned: number, maxRejected: number): ApplicationFailure {
  return ApplicationFailure.nonRetryable(hopelessMessage(counts, planned, maxRejected), TOO_MANY);
}
