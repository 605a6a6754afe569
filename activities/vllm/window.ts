import type { ServerLoad } from './server-load.ts';

/** How many sequences may be at one server at once; additive increase, multiplicative decrease. */
export interface Window {
  /** Sequences. */
  readonly size: number;
  /** Preemptions seen so far; null before the first look. */
  readonly preemptions: number | null;
}

/** vLLM's own default of `--max-num-seqs` on CPU is 128 and on GPUs 256 to 1,024: a start that no server minds. */
export const INITIAL_WINDOW = 128;

/** Two requests of K = 4, so that one request's tail does not leave the server idle. */
export const SMALLEST_WINDOW = 8;

/** A server's front end is one process; beyond this its queue grows and its throughput does not. */
export const LARGEST_WINDOW = 4_096;

/** Sequences added at a look that finds the server keeping up. */
const INCREASE = 16;

/** Factor after a refusal or a preemption. */
const DECREASE = 0.7;

/** Waiting over running up to which the server is taken to keep up, and above which it is taken to have too much. */
const FEW_WAITING = 0.1;
const MANY_WAITING = 0.5;

/** Share of the KV cache above which nothing is added: prime-rl grows below 0.6 and trims at 0.8. */
const FULL_CACHE = 0.8;

function sized(window: Window, size: number, preemptions = window.preemptions): Window {
  return { size: Math.min(LARGEST_WINDOW, Math.max(SMALLEST_WINDOW, Math.round(size))), preemptions };
}

/**
 * The window after a look at `/metrics`. It grows only when it was the limit: an idle sampler must not widen it.
 *
 * @param outstanding sequences of ours at the server at this moment
 */
export function windowAfterLook(window: Window, load: ServerLoad, outstanding: number): Window {
  const preempted = window.preemptions !== null && load.preemptions > window.preemptions;
  if (preempted) return sized(window, window.size * DECREASE, load.preemptions);
  if (load.waiting > MANY_WAITING * Math.max(1, load.running)) {
    // What waits beyond a tenth of what runs only takes from other servers: shrink to what is used, at most by the factor.
    const used = Math.min(window.size, outstanding) - load.waiting + FEW_WAITING * load.running;
    return sized(window, Math.max(used, window.size * DECREASE), load.preemptions);
  }
  const keepsUp = load.waiting <= FEW_WAITING * load.running && load.kvCache < FULL_CACHE;
  const wasTheLimit = outstanding >= window.size * 0.9;
  return sized(window, keepsUp && wasTheLimit ? window.size + INCREASE : window.size, load.preemptions);
}

/** The window after the server refused a request as too much (408, 429, 503). */
export function windowAfterRefusal(window: Window): Window {
  return sized(window, window.size * DECREASE);
}
