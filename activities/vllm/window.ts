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

/** Share of our sequences that the server must be seen to run before their number is doubled: `/metrics` lag behind. */
const SEEN = 0.5;

/** Factor after a refusal, and the most that a queue takes away at one look. */
const DECREASE = 0.7;

/** Factor after a preemption: one costs a sequence's work, a third of a window left empty costs more. */
const PREEMPTED = 0.85;

/** Waiting over running up to which the server is taken to keep up, and above which it is taken to have too much. */
const FEW_WAITING = 0.1;
const MANY_WAITING = 0.5;

/** Share of the KV cache above which nothing is added. */
const FULL_CACHE = 0.9;

/** Waiting sequences that say nothing: a request of K = 4 or two that came in since the engine's last step. */
const ANY_WAITING = 8;

function sized(size: number, preemptions: number | null, seeking = false): Window {
  return { size: Math.min(LARGEST_WINDOW, Math.max(SMALLEST_WINDOW, Math.round(size))), preemptions, seeking };
}

/**
 * The window after a look at `/metrics`. It grows only when it was the limit: an idle sampler must not widen it.
 *
 * @param outstanding sequences of ours at the server at this moment
 */
export function windowAfterLook(window: Window, load: ServerLoad, outstanding: number): Window {
  const { size } = window;
  const preempted = window.preemptions !== null && load.preemptions > window.preemptions;
  if (preempted) return sized(size * PREEMPTED, load.preemptions);
  if (load.waiting > Math.max(ANY_WAITING, MANY_WAITING * load.running)) {
    // What waits beyond a tenth of what runs only takes from other servers: shrink to what is used, at most by the factor.
    const used = Math.min(size, outstanding) - load.waiting + FEW_WAITING * load.running;
    return sized(Math.max(used, size * DECREASE), load.preemptions);
  }
  const keepsUp = load.waiting <= Math.max(ANY_WAITING, FEW_WAITING * load.running) && load.kvCache < FULL_CACHE;
  const wasTheLimit = outstanding >= size * 0.9;
  if (!keepsUp || !wasTheLimit) return sized(size, load.preemptions, window.seeking && keepsUp);
  const doubles = window.seeking && load.running >= SEEN * outstanding;
  const increase = doubles ? size : Math.max(SMALLEST_INCREASE, size * INCREASE);
  return sized(size + increase, load.preemptions, window.seeking);
}

/** The window after the server refused a request as too much (408, 429, 503). */
export function windowAfterRefusal(window: Window): Window {
  return sized(window.size * DECREASE, window.preemptions);
}
