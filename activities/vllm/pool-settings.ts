/** Times of the pool, in milliseconds. */
export interface PoolSettings {
  /** Deadline of one request to one server. */
  readonly requestMs: number;
  /** How long a request is tried again, over all servers, before its last failure is handed on. */
  readonly retryMs: number;
  /** Failures of one request (refusals as busy left out) after which it is not tried again: the request may be the cause. */
  readonly tries: number;
  /** First and longest pause before another try; doubled from one to the other, and drawn between half and whole. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** How long requests wait while no server is ready. */
  readonly noServerMs: number;
  /** Time between two looks at a server's `/metrics`. */
  readonly lookMs: number;
  /** Deadline of a look, a probe and each request of the admission. */
  readonly probeMs: number;
  /** A server that has work of ours and whose token counters move by fewer than `stallTokens` in this time is probed. */
  readonly stallMs: number;
  /** More than the probes of its supervisor make in `stallMs`, fewer than the slowest server that works, ≥ 1. */
  readonly stallTokens: number;
  /** First and longest pause between two attempts to admit a server. */
  readonly rejoinMs: number;
  readonly longestRejoinMs: number;
}

/** Settings where the caller names none. `requestMs` is meant to come from the recipe. */
export const DEFAULT_POOL_SETTINGS: PoolSettings = {
  requestMs: 600_000,
  retryMs: 1_800_000,
  tries: 5,
  pauseMs: 250,
  longestPauseMs: 10_000,
  noServerMs: 900_000,
  lookMs: 1_000,
  probeMs: 30_000,
  stallMs: 30_000,
  stallTokens: 15,
  rejoinMs: 500,
  longestRejoinMs: 15_000,
};

/**
 * Longest time, milliseconds, in which work that has requests under way hears of none: each is answered or given up by
 * then, one that waited behind another for room included.
 * @param requestMs deadline of one try
 */
export const requestSilence = (requestMs = DEFAULT_POOL_SETTINGS.requestMs): number =>
  2 * (DEFAULT_POOL_SETTINGS.retryMs + requestMs);
