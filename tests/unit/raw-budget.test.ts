import { describe, expect, it } from 'vitest';
import { rawBudget, type TrainedTokens } from '../../activities/record/raw-budget.ts';
import type { Init } from '../../workflows/contract/recipe.ts';

const trained = (first: Init, second: Init = first): TrainedTokens[] => [
  { iteration: 0, tokens: 800, passTokens: 1_600, init: first },
  { iteration: 1, tokens: 12_000, passTokens: 6_400, init: first },
  { iteration: 2, tokens: 13_000, passTokens: 6_500, init: second },
];

describe('rawBudget', () => {
  it('gives the FLOP-matched arm the tokens of the last M-step where that starts at the base, as in the paper', () => {
    expect(rawBudget('flops', 2, trained('base'), { tokens: 1_920 })).toEqual({ tokens: 13_000 });
  });

  it('counts the warm start too where the M-step started there, and every iteration where each built on the last', () => {
    expect(rawBudget('flops', 2, trained('warm-start'), { tokens: 1_920 })).toEqual({ tokens: 13_800 });
    expect(rawBudget('flops', 2, trained('previous'), { tokens: 1_920 })).toEqual({ tokens: 25_800 });
  });

  it('follows a fork whose M-steps start elsewhere than those it shares', () => {
    const set = { tokens: 1_920 };
    expect(rawBudget('flops', 2, trained('base', 'previous'), set)).toEqual({ tokens: 25_000 });
    expect(rawBudget('flops', 2, trained('previous', 'warm-start'), set)).toEqual({ tokens: 13_800 });
  });

  it('gives the token-matched arm as many passes over raw text as the M-step made over thoughts and text', () => {
    expect(rawBudget('tokens', 2, trained('base'), { tokens: 1_920 })).toEqual({ tokens: 3_840 });
  });

  it('refuses to match an iteration that was never trained', () => {
    expect(() => rawBudget('flops', 3, trained('base'), { tokens: 1 })).toThrow(/iteration 3/);
  });
});
