import type { Init } from '../../workflows/contract/recipe.ts';
import type { TrainingSetRef } from '../../workflows/contract/references.ts';

/** Tokens of one training of the EM loop, and of one pass over the set it was trained on. */
export interface TrainedTokens {
  readonly iteration: number;
  /** Tokens that the training saw, all passes. */
  readonly tokens: number;
  /** Tokens of one pass. */
  readonly passTokens: number;
}

/**
 * The budget of a raw arm.
 *
 * `flops`: as many training tokens as led to the model it is compared with: the last M-step's alone where that started
 * at the base (the paper's), with M_0's where it started there, of all iterations where each started at the one before.
 * `tokens`: as many passes over the raw text as those trainings made over their sets (paper: 2 passes of 1.92B tokens
 * against 2 of 6.5B).
 * @param trained every training of the EM loop's first trial, iteration 0 included.
 * @throws RangeError when the compared iteration has no training.
 */
export function rawBudget(
  match: 'tokens' | 'flops',
  init: Init,
  iteration: number,
  trained: readonly TrainedTokens[],
  rawSet: Pick<TrainingSetRef, 'tokens'>,
): { readonly tokens: number } {
  const counts = (training: TrainedTokens): boolean =>
    training.iteration === iteration ||
    (init === 'warm-start' && training.iteration === 0) ||
    (init === 'previous' && training.iteration < iteration);
  const counted = trained.filter(counts);
  if (!counted.some((training) => training.iteration === iteration)) {
    throw new RangeError(`Expected a training of iteration ${iteration} to match, found none`);
  }
  if (match === 'flops') return { tokens: counted.reduce((sum, { tokens }) => sum + tokens, 0) };
  const last = counted.find((training) => training.iteration === iteration) as TrainedTokens;
  return { tokens: Math.ceil((last.tokens / last.passTokens) * rawSet.tokens) };
}
