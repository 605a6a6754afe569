import { describe, expect, it } from 'vitest';
import { chunkPrompts, type ChunkPrompts } from '../../activities/e-step/prompts.ts';
import { logSumExp, weigh } from '../../activities/e-step/weights.ts';
import { exactThoughts } from '../support/toy-exact.ts';
import { ToyLanguageModel, uniforms } from '../support/toy-language-model.ts';
import { TOY } from '../support/toy-model.ts';

describe('weights of a chunk', () => {
  it('are the exponentials of log p − log q, normalised', () => {
    const weights = weigh([
      { logP: Math.log(0.2), logQ: Math.log(0.4) },
      { logP: Math.log(0.3), logQ: Math.log(0.2) },
    ]);
    expect(weights.logWeights[0]).toBeCloseTo(Math.log(0.5), 12);
    expect(weights.probabilities).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.75, 12)]);
    expect(weights.effectiveSampleSize).toBeCloseTo(4 / 2.5, 12);
    expect(weights.elbo).toEqual([expect.closeTo(Math.log(0.5), 12), expect.closeTo(Math.log(1), 12)]);
  });

  it('survive sums of log probabilities that no exponential can hold', () => {
    const weights = weigh([
      { logP: -9000, logQ: -200 },
      { logP: -9001, logQ: -200 },
    ]);
    expect(weights.probabilities[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 10);
    expect(weights.elbo[0]).toBe(-8800);
  });

  it('are nought for a candidate that is not eligible, which still counts as drawn', () => {
    const weights = weigh([null, { logP: -1, logQ: -1 }]);
    expect(weights.probabilities).toEqual([0, 1]);
    expect(weights.elbo).toEqual([-Infinity, expect.closeTo(-Math.log(2), 12)]);
    expect(weights.effectiveSampleSize).toBeCloseTo(1, 12);
  });

  it('are refused when a number is not finite or nothing is eligible', () => {
    expect(() => weigh([{ logP: Number.NaN, logQ: -1 }])).toThrow(RangeError);
    expect(() => weigh([{ logP: -Infinity, logQ: -1 }])).toThrow(RangeError);
    expect(() => weigh([null, null])).toThrow(RangeError);
  });

  it('add up nothing to −∞', () => {
    expect(logSumExp([])).toBe(-Infinity);
    expect(logSumExp([-Infinity, -Infinity])).toBe(-Infinity);
  });
});

describe('the bound on a toy model', () => {
  const maxThought = 3;
  const language = new ToyLanguageModel({
    vocabularySize: 12,
    seed: 2,
    favoured: TOY.markers.endOfLatent,
    favour: 3,
  });
  const prompts = chunkPrompts(
    'corrected',
    { ...TOY, contextLength: 64 },
    { context: [7, 8], before: [], chunk: [9, 11] },
    maxThought,
  ) as ChunkPrompts;
  const exact = new Map(
    exactThoughts(language, prompts, maxThought).map((thought) => [thought.ids.join(' '), thought]),
  );

  /** One chunk's K candidates, drawn as the server draws them. */
  function drawn(samples: number, draw: () => number): ({ logP: number; logQ: number } | null)[] {
    return Array.from({ length: samples }, () => {
      const ids: number[] = [];
      while (ids.length < maxThought) {
        const { id } = language.draw([...prompts.propose, ...ids], draw());
        if (id === TOY.markers.endOfLatent) return exact.get(ids.join(' ')) ?? null;
        if (id === TOY.end) return null;
        ids.push(id);
      }
      return null;
    });
  }

  it('log q adds up to at most one over all thoughts, and log p to the probability of the chunk', () => {
    const q = [...exact.values()].reduce((total, { logQ }) => total + Math.exp(logQ), 0);
    const p = [...exact.values()].reduce((total, { logP }) => total + Math.exp(logP), 0);
    expect(q).toBeGreaterThan(0.5);
    expect(q).toBeLessThanOrEqual(1);
    expect(p).toBeGreaterThan(0);
    expect(p).toBeLessThan(q);
  });

  it('exp(elbo_n) is an unbiased estimate of p(X) for every n, and elbo_n rises with n to log p(X)', () => {
    const truth = [...exact.values()].reduce((total, { logP }) => total + Math.exp(logP), 0);
    const draw = uniforms('bound');
    const chunks = 40_000;
    const sums = [0, 0, 0, 0];
    const squares = [0, 0, 0, 0];
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      const candidates = drawn(4, draw);
      const elbo = candidates.every((candidate) => candidate === null)
        ? candidates.map(() => -Infinity)
        : weigh(candidates).elbo;
      for (const [n, value] of elbo.entries()) {
        sums[n] = (sums[n] ?? 0) + Math.exp(value);
        squares[n] = (squares[n] ?? 0) + Math.exp(2 * value);
      }
    }
    for (const [n, sum] of sums.entries()) {
      const mean = sum / chunks;
      const error = Math.sqrt(((squares[n] ?? 0) / chunks - mean ** 2) / chunks);
      expect(Math.abs(mean - truth)).toBeLessThan(4 * error);
      // Tight enough to tell: a missing EOL factor or a wrong constant is off by tens of percent.
      expect(error).toBeLessThan(0.02 * truth);
    }
    // A mean of logs needs a weight in every draw: compare where all four thoughts finished, i.e. under q given an end.
    const finished = Array.from({ length: chunks }, () => drawn(4, draw)).filter((set) =>
      set.every((one) => one !== null),
    );
    const means = [0, 1, 2, 3].map(
      (n) => finished.reduce((total, set) => total + (weigh(set).elbo[n] ?? 0), 0) / finished.length,
    );
    expect(means[0]).toBeLessThan(means[1] ?? -Infinity);
    expect(means[1]).toBeLessThan(means[2] ?? -Infinity);
    expect(means[2]).toBeLessThan(means[3] ?? -Infinity);
    const given = truth / [...exact.values()].reduce((total, { logQ }) => total + Math.exp(logQ), 0);
    expect(means[3]).toBeLessThan(Math.log(given));
  });
});
