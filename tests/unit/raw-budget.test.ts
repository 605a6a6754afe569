import { describe, expect, it } from 'vitest';
import { rawBudget } from '../../activities/record/raw-budget.ts';

const trained = [
  { iteration: 0, tokens: 800, passTokens: 1_600 },
  { iteration: 1, tokens: 12_000, passTokens: 6_400 },
  { iteration: 2, tokens: 13_000, passTokens: 6_500 },
];

describe('rawBudget', () => {
  it('gives the FLOP-matched arm the tokens of the last M-step where that starts at the base, as in the paper', () => {
    expect(rawBudget('flops', 'base', 2, trained, { tokens: 1_920 })).toEqual({ tokens: 13_000 });
  });

  it('counts the warm start too where the M-step started there, and every iteration where each built on the last', () => {
    expect(rawBudget('flops', 'warm-start', 2, trained, { tokens: 1_920 })).toEqual({ tokens: 13_800 });
    expect(rawBudget('flops', 'previous', 2, trained, { tokens: 1_920 })).toEqual({ tokens: 25_800 });
  });

  it('gives the token-matched arm as many passes over raw text as the M-step made over thoughts and text', () => {
    expect(rawBudget('tokens', 'base', 2, trained, { tokens: 1_920 })).toEqual({ tokens: 3_840 });
  });

  it('refuses to match an iteration that was never trained', () => {
    expect(() => rawBudget('flops', 'base', 3, trained, { tokens: 1 })).toThrow(/iteration 3/);
  });
});
