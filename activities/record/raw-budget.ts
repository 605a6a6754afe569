import type { Init } from '../../workflows/contract/recipe.ts';
import type { TrainingSetRef } from '../../workflows/contract/references.ts';

/** Tokens of one training of the EM loop, and of one pass over the set it was trained on. */
export interface TrainedTokens {
  readonly iteration: number;
  /** Tokens that the training saw, all passes. */
  readonly tokens: number;
  /** Tokens of one pass. */
  readonly passTokens: number;
  /** Where an M-step of the run that made it starts; iteration 0 is no M-step and starts at the base. */
  readonly init: Init;
}

/**
 * The budget of a raw arm.
 *
 * `flops`: as many training tokens as led to the model it is compared with: the last M-step's alone where that started
 * at the base (the paper's), with M_0's where it started there, of all iterations where each started at the one before.
 * A fork may start its M-steps elsewhere than the run it shares iterations with.
 * `tokens`: as many passes over the raw text as those trainings made over their sets (paper: 2 passes of 1.92B tokens
 * against 2 of 6.5B).
 * @param trained every training of the EM loop's first trial, iteration 0 included.
 * @throws RangeError when the compared iteration has no training.
 */
export function rawBudget(
  match: 'tokens' | 'flops',
  iteration: number,
  trained: readonly TrainedTokens[],
  rawSet: Pick<TrainingSetRef, 'tokens'>,
): { readonly tokens: number } {
  const at = (wanted: number): TrainedTokens | undefined => trained.find((training) => training.iteration === wanted);
  const last = at(iteration);
  if (last === undefined) throw new RangeError(`Expected a training of iteration ${iteration} to match, found none`);
  if (match === 'tokens') return { tokens: Math.ceil((last.tokens / last.passTokens) * rawSet.tokens) };
  let tokens = 0;
  for (let training: TrainedTokens | undefined = last; training !== undefined; training = before(training, at)) {
    tokens += training.tokens;
  }
  return { tokens };
}

/** The training whose model a training started from; undefined where that is the base. */
function before(
  { iteration, init }: TrainedTokens,
  at: (iteration: number) => TrainedTokens | undefined,
): TrainedTokens | undefined {
  if (iteration === 0 || init === 'base') return undefined;
  return at(init === 'warm-start' ? 0 : iteration - 1);
}
