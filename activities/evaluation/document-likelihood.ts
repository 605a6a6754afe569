import type { Fidelity } from '../../workflows/contract/recipe.ts';
import { thoughtIds } from '../e-step/eligibility.ts';
import { chunkPrompts, type PromptModel, type ScoredSequence } from '../e-step/prompts.ts';
import { weigh } from '../e-step/weights.ts';
import type { SampleRequest } from '../vllm/request-bodies.ts';
import type { Sampled } from '../vllm/answer.ts';
import { rawSequences } from './raw-sequences.ts';

/** A model under measurement: draws and scores. */
export interface LikelihoodModel {
  sample(request: SampleRequest): Promise<readonly Sampled[]>;
  /** Log probabilities (nats) of each sequence from its `from` on. */
  score(sequences: readonly ScoredSequence[]): Promise<readonly (readonly number[])[]>;
}

/** A held-out document as ids, each piece encoded by itself. */
export interface HeldOutDocument {
  readonly context: readonly number[];
  readonly chunks: readonly (readonly number[])[];
}

/** How the bound is estimated. */
export interface BoundSettings {
  readonly fidelity: Fidelity;
  /** K. */
  readonly samples: number;
  /** Longest thought, in tokens, EOL included. */
  readonly maxThoughtTokens: number;
  /** Seed of a chunk's draws. */
  readonly seed: (chunk: number) => number;
}

/** Bound of a document. */
export interface DocumentBound {
  /** elbo_1 … elbo_K, nats, sums over the chunks; null when a chunk has no prompt that the model can hold. */
  readonly elbo: readonly number[] | null;
  readonly sampledTokens: number;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * −log p(X | context) in nats, in the raw form, no thoughts; see raw-sequences.ts. Of a model trained on thoughts this is
 * out of distribution; it is measured all the same, as the authors do.
 * @returns null when the document has a chunk that the model cannot hold
 */
export async function documentNll(
  server: LikelihoodModel,
  model: PromptModel,
  { context, chunks }: HeldOutDocument,
): Promise<number | null> {
  const sequences = rawSequences(model, context, chunks);
  if (sequences === null) return null;
  return sequences.length === 0 ? 0 : -sum((await server.score(sequences)).flat());
}

/**
 * The importance-weighted bounds elbo_n (n = 1 … K) on log p(X | context), summed over the chunks, each behind all text
 * before it (the paper's validation). In expectation elbo_n ≤ elbo_{n+1} ≤ log p.
 *
 * Thoughts are proposed and scored as in the E-step, but every draw counts: a thought that did not end by EOL within the
 * limit is closed with EOL, as a part of the proposal that has probability 1. The proposal is then a distribution over
 * ended thoughts, every weight is finite, and the bound stays one; to leave such draws out or to draw anew, as the
 * E-step does in order to choose, would overstate it. `released` takes the authors' reading of thoughts and prompts.
 */
export async function documentBound(
  server: LikelihoodModel,
  model: PromptModel,
  { context, chunks }: HeldOutDocument,
  { fidelity, samples, maxThoughtTokens, seed }: BoundSettings,
): Promise<DocumentBound> {
  const elbo = new Array<number>(samples).fill(0);
  const texts = chunks.map((chunk, index) => ({ context, before: chunks.slice(0, index), chunk }));
  const prompts = texts.map((text) => chunkPrompts(fidelity, model, text, maxThoughtTokens));
  if (prompts.some(({ kind }) => kind === 'too-long')) return { elbo: null, sampledTokens: 0 };

  let sampledTokens = 0;
  for (const [index, prompt] of prompts.entries()) {
    if (prompt.kind === 'too-long') continue;
    const thoughts = await server.sample({
      prompt: prompt.propose,
      n: samples,
      maxTokens: maxThoughtTokens,
      seed: seed(index),
      stop: model.markers.endOfLatent,
    });
    const closed = thoughts.map(({ tokenIds, finish }) =>
      fidelity === 'corrected' && finish === 'end' ? tokenIds : thoughtIds(tokenIds, finish),
    );
    const scores = await server.score(prompt.score(closed));
    const weights = weigh(
      thoughts.map(({ logprobs }, k) => ({ logP: sum(scores[k] ?? [Number.NaN]), logQ: sum(logprobs) })),
    );
    for (const [n, value] of weights.elbo.entries()) elbo[n] = (elbo[n] ?? 0) + value;
    sampledTokens += sum(thoughts.map(({ tokenIds }) => tokenIds.length));
  }
  return { elbo, sampledTokens };
}
