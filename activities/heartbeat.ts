import { Context, log } from '@temporalio/activity';
import { performance } from 'node:perf_hooks';
import { LONG_STATEMENT_MS } from './store/pool.ts';

/** Under a third of the shortest heartbeat timeout, so that two may be lost; Temporal's SDK sends what is due. */
const HEARTBEAT_MS = 2_000;

/**
 * Longest time without progress, milliseconds, of work that does not say otherwise. Its longest steps are statements over
 * a whole E-step, each of which is bounded, and the hashing of a checkpoint.
 */
const SILENCE_MS = 3 * LONG_STATEMENT_MS;

export interface HeartbeatOptions {
  /** What the Web UI shows; asked at every heartbeat. */
  readonly details?: () => unknown;
  /** Whether the work waits for something that is bounded elsewhere and counts as progress; asked at every heartbeat. */
  readonly waits?: () => boolean;
  /** Time without progress after which heartbeats stop, milliseconds. */
  readonly silenceMs?: number;
  /** Time between two heartbeats, milliseconds. */
  readonly everyMs?: number;
}

/**
 * Runs an activity's body with heartbeats from its first to its last moment, clean-up after a cancellation included:
 * the server sees the activity alive while it waits for a database or hashes a file, and cancellation reaches it.
 *
 * The heartbeats stop where the work makes no progress for `silenceMs`: what hangs for good (a stuck file system, a
 * promise that nobody keeps) is then given to another attempt. They go on with the progress, so that an attempt which
 * was only slow learns whether it has been replaced.
 *
 * @param body gets `progressed`, to be called whenever the work got on
 */
export async function withHeartbeat<Result>(
  body: (progressed: () => void) => Promise<Result>,
  { details, waits = () => false, silenceMs = SILENCE_MS, everyMs = HEARTBEAT_MS }: HeartbeatOptions = {},
): Promise<Result> {
  const context = Context.current();
  let last = performance.now();
  let silent = false;
  const progressed = (): void => {
    last = performance.now();
  };
  const beat = (): void => {
    if (waits()) progressed();
    const silence = performance.now() - last;
    if (silence <= silenceMs) context.heartbeat(details?.());
    else if (!silent) log.warn('no progress: heartbeats stop', { seconds: Math.round(silence / 1000) });
    silent = silence > silenceMs;
  };
  beat();
  const timer = setInterval(beat, everyMs);
  try {
    return await body(progressed);
  } finally {
    clearInterval(timer);
  }
}
