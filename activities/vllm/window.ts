import type { ServerLoad } from './server-load.ts';

/**
 * How many sequences may be at one server at once. It doubles until the server shows for the first time that it has
 * enough; from then on additive increase, multiplicative decrease.
 */
export interface Window {
  /** Sequences. */
  readonly size: number;
  /** Preemptions seen so far; null before the first look. */
  readonly preemptions: number | null;
  /** Whether the server has not yet shown that it has enough. */
  readonly seeking: boolean;
}

/**
 * vLLM's default of `--max-num-seqs` is 128 on CPU and 256 to 1,024 on GPUs, but what a small cache holds is less: a start
 * that no server minds, a second of doubling below the largest. What waits at a slow server is lost to the others.
 */
export const INITIAL_WINDOW: Window = { size: 32, preemptions: null, seeking: true };

/** Two requests of K = 4, so that one request's tail does not leave the server idle. */
export const SMALLEST_WINDOW = 8;

/** A server's front end is one process; beyond this its queue grows and its throughput does not. */
export const LARGEST_WINDOW = 4_096;

/** Growth at a look that finds the server keeping up, once it is no longer sought how much it takes: share, and at least. */
const INCREASE = 1 / 8;
const SMALLEST_INCREASE = 4;

/**
 * Share of our sequences that the server must be seen to run before their number is doubled: `/metrics` lag behind. Not
 * more, since of a request whose longest sequence runs on the others count as ours and run no longer.
 */
const SEEN = 0.25;

/** Factor after a refusal, and the most that a queue takes away at one look. */
const DECREASE = 0.7;

/** Factor after too many preemptions. */
const PREEMPTED = 0.9;

/**
 * Preemptions over sequences that came to their end up to which the cache is well filled. vLLM keeps the tokens of a
 * sequence that it throws out and reads them again: that costs part of a sequence, an emptier window costs whole ones.
 */
const FEW_PREEMPTED = 0.1;

/**
 * Waiting over running up to which the server is taken to keep up, and above which it is taken to have too much. Lengths
 * differ: with a shorter queue slots stand empty between two looks.
 */
const FEW_WAITING = 0.2;
const MANY_WAITING = 0.6;

/** Share of the KV cache above which the window is no longer doubled. */
const FULL_CACHE = 0.9;

/** Waiting sequences, and requests, that say nothing: what came in since the engine's last step. */
const ANY_WAITING = 8;
const ANY_REQUESTS = 2;

function sized(size: number, preemptions: number | null, seeking = false): Window {
  return { size: Math.min(LARGEST_WINDOW, Math.max(SMALLEST_WINDOW, Math.round(size))), preemptions, seeking };
}

/** What of a server's work is ours, in sequences. */
export interface OwnWork {
  /** At the server at this moment: all of every request that is not answered. */
  readonly outstanding: number;
  /** Of the requests that were answered since the last look. */
  readonly finished: number;
  /** Of the largest request that is at the server. */
  readonly largest: number;
}

/**
 * The window after a look at `/metrics`. It grows only when it was the limit: an idle sampler must not widen it.
 */
export function windowAfterLook(window: Window, load: ServerLoad, { outstanding, finished, largest }: OwnWork): Window {
  const { size } = window;
  const few = Math.max(ANY_WAITING, ANY_REQUESTS * largest);
  const preempted = window.preemptions === null ? 0 : load.preemptions - window.preemptions;
  if (preempted > FEW_PREEMPTED * finished) return sized(size * PREEMPTED, load.preemptions);
  if (load.waiting > Math.max(few, MANY_WAITING * load.running)) {
    // What waits beyond a fifth of what runs only takes from other servers: shrink to what is used, at most by the factor.
    const used = Math.min(size, outstanding) - load.waiting + FEW_WAITING * load.running;
    return sized(Math.max(used, size * DECREASE), load.preemptions);
  }
  const keepsUp = load.waiting <= Math.max(few, FEW_WAITING * load.running);
  const seeking = window.seeking && keepsUp && preempted === 0 && load.kvCache < FULL_CACHE;
  const wasTheLimit = outstanding + Math.max(largest, size * 0.1) >= size;
  if (!keepsUp || !wasTheLimit) return sized(size, load.preemptions, seeking);
  const doubles = seeking && load.running >= SEEN * outstanding;
  const increase = doubles ? size : Math.max(SMALLEST_INCREASE, size * INCREASE);
  return sized(size + increase, load.preemptions, seeking);
}

/** The window after the server refused a request as too much (408, 429, 503). */
export function windowAfterRefusal(window: Window): Window {
  return sized(window.size * DECREASE, window.preemptions);
}
