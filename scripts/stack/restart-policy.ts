/** A process that ran this long was healthy: its next end counts as the first again. */
const HEALTHY_MILLISECONDS = 15_000;

const FIRST_PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 60_000;

/** From this many ends in quick succession on, the process is shown as failing. */
const FAILING_AFTER = 4;

/** What follows the end of a process that should be running. */
export interface Restart {
  /** Ends in quick succession, this one included. */
  readonly quickEnds: number;
  /** Milliseconds to wait before it is started again. */
  readonly pause: number;
  /** Whether a person should look: it keeps ending. It is started again all the same, since causes pass. */
  readonly failing: boolean;
}

/**
 * When to start a process again that ended.
 * @param quickEnds of its last `Restart`; 0 at first.
 * @param ranMilliseconds how long it ran this time.
 */
export function nextRestart(quickEnds: number, ranMilliseconds: number): Restart {
  const ends = ranMilliseconds >= HEALTHY_MILLISECONDS ? 1 : quickEnds + 1;
  const pause = Math.min(FIRST_PAUSE_MILLISECONDS * 2 ** (ends - 1), LONGEST_PAUSE_MILLISECONDS);
  return { quickEnds: ends, pause, failing: ends >= FAILING_AFTER };
}
