import { cancellationDetails } from '@temporalio/activity';

/**
 * What a cancelled activity does with the job it watches: `stop` it, since the workflow asked for that, or `detach`:
 * leave it running for the next attempt, which finds it by its key. Everything but the workflow's own request detaches:
 * the worker shuts down, the attempt was paused or reset or timed out, or the execution is gone (after a reset of the
 * workflow, its next execution watches the same job).
 */
export function endOfWatch(): 'stop' | 'detach' {
  return cancellationDetails()?.cancelRequested === true ? 'stop' : 'detach';
}
