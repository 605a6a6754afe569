import type { ThoughtFinish } from './eligibility.ts';

/** One of the K thoughts of a chunk. */
export interface Candidate {
  /** Sampled ids, the EOL or end of document that ended them left out. */
  readonly tokenIds: readonly number[];
  readonly text: string;
  /** Nats: sum over all sampled ids, the one that ended them included. */
  readonly logQ: number;
  /** Nats: sum over thought, EOL and chunk; null where the thought is not eligible. */
  readonly logP: number | null;
  readonly finish: ThoughtFinish;
}

/**
 * Why a chunk has no thought.
 *
 * - `too-long`: with an empty prefix it does not fit the context beside a thought.
 * - `special-token`: its text cannot be encoded without special tokens.
 * - `unfinished`: in no round did one of its K thoughts end by EOL.
 * - `refused`: the server calls the request invalid (400).
 * - `deadline`, `garbage`: several servers that were well otherwise gave no answer in time, or a wrong one.
 * - `crash`: each server that was asked was well before and was lost over it, also when it was asked alone.
 */
export type Rejection = 'too-long' | 'special-token' | 'unfinished' | 'refused' | 'deadline' | 'garbage' | 'crash';

/** Rejections that say as much about servers and settings as about the chunk: a repeated E-step tries them again. */
export const REJECTIONS_TRIED_AGAIN: readonly Rejection[] = ['refused', 'deadline', 'garbage', 'crash'];

/** What came of a chunk; it becomes durable as a whole or not at all. */
export type ChunkOutcome = {
  /** Ordinal of the document in its split. */
  readonly document: number;
  /** Index of the chunk in its document. */
  readonly chunk: number;
  /** Times the chunk was sampled. */
  readonly rounds: number;
  /** Earlier chunks shown as prefix. */
  readonly prefixChunks: number;
} & (
  | {
      readonly kind: 'selected';
      readonly candidates: readonly Candidate[];
      /** Index of the chosen candidate. */
      readonly selected: number;
      readonly effectiveSampleSize: number;
      /** elbo_1 … elbo_K, nats; −∞ while none of the first n is eligible. */
      readonly elbo: readonly number[];
      /** Tokens of the sequences that were scored. */
      readonly scoredTokens: number;
      /** Server that scored. */
      readonly server: string;
    }
  | { readonly kind: 'rejected'; readonly rejection: Rejection; readonly server: string | null }
);
