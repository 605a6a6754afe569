import { failure } from '../failure.ts';
import { NoServerError } from '../vllm/pool.ts';
import { VllmError } from '../vllm/vllm-error.ts';

/** What an evaluation's attempt ends with when requests failed: the failure of the closed list, or the error as it is. */
export function requestFailure(thrown: unknown): unknown {
  if (thrown instanceof NoServerError) return failure('NoServer', thrown.message);
  if (!(thrown instanceof VllmError)) return thrown;
  return failure(thrown.failure.kind === 'wrong-weights' ? 'WrongWeights' : 'ServerLost', thrown.message);
}

/** Whether a server refused the request itself (HTTP 400): no server will answer it. */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof VllmError && thrown.failure.kind === 'refused';
}
