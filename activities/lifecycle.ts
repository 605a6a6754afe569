import { cancellationDetails } from '@temporalio/activity';

/**
 * What a cancelled activity does with the job it watches.
 *
 * - `stop`: the workflow asked for it.
 * - `detach`: leave it running for the next attempt, which finds it by its key: the worker shuts down, or the attempt was
 *   paused or reset or timed out.
 * - `orphaned`: the server knows the attempt no more. Either the next attempt has the job already, or the workflow was
 *   terminated or reset, and its next execution may watch the same job.
 */
export function endOfWatch(): 'stop' | 'detach' | 'orphaned' {
  const details = cancellationDetails();
  if (details?.cancelRequested === true) return 'stop';
  return details?.notFound === true ? 'orphaned' : 'detach';
}
