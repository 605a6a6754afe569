import { describe, expect, it } from 'vitest';
import { samplingSeed, selectionDraw } from '../../activities/e-step/seeds.ts';
import { select } from '../../activities/e-step/selection.ts';
import { chiSquare } from '../support/toy-exact.ts';

const place = { seed: 42, iteration: 1, document: 0, chunk: 0 };

describe('selection', () => {
  it('inverts the cumulative distribution', () => {
    expect(select([0.25, 0.25, 0.5], 0)).toBe(0);
    expect(select([0.25, 0.25, 0.5], 0.25)).toBe(1);
    expect(select([0.25, 0.25, 0.5], 0.4999)).toBe(1);
    expect(select([0.25, 0.25, 0.5], 0.9999)).toBe(2);
  });

  it('never takes a candidate of probability nought, wherever it stands', () => {
    expect(select([0, 1, 0], 0)).toBe(1);
    expect(select([0.3, 0.7 - 1e-12, 0], 1 - 1e-16)).toBe(1);
    expect(() => select([0, 0], 0.5)).toThrow(RangeError);
  });

  it('chooses with the frequencies of the weights over documents, and over chunks', () => {
    const probabilities = [0.07, 0.43, 0.2, 0.3];
    for (const vary of ['document', 'chunk', 'iteration', 'seed'] as const) {
      const counts = [0, 0, 0, 0];
      for (let i = 0; i < 20_000; i += 1) {
        const index = select(probabilities, selectionDraw({ ...place, [vary]: i }));
        counts[index] = (counts[index] ?? 0) + 1;
      }
      // 99.9 % of chi-square with 3 degrees of freedom.
      expect(chiSquare(counts, probabilities).statistic).toBeLessThan(16.27);
    }
  });

  it('depends on the place alone, and stays the same for ever', () => {
    expect(selectionDraw(place)).toBe(selectionDraw({ ...place }));
    expect([0, 1, 2].map((document) => selectionDraw({ ...place, document }))).toMatchInlineSnapshot(`
      [
        0.6810884233739479,
        0.06333479621996341,
        0.0814818996089769,
      ]
    `);
    expect([0, 1, 2].map((round) => samplingSeed(place, round))).toMatchInlineSnapshot(`
      [
        231288261959576,
        253560807342981,
        119728100883239,
      ]
    `);
  });

  it('draws of neighbouring chunks are not correlated', () => {
    const draws = Array.from({ length: 10_000 }, (_, chunk) => selectionDraw({ ...place, chunk }) - 0.5);
    const correlation =
      draws.slice(1).reduce((sum, value, i) => sum + value * (draws[i] ?? 0), 0) / (draws.length / 12);
    expect(Math.abs(correlation)).toBeLessThan(0.04);
  });

  it('seeds of sampling requests are safe integers, far from each other, and differ by round', () => {
    const seeds = Array.from({ length: 5_000 }, (_, i) => samplingSeed({ ...place, document: i >> 2 }, i & 3)).sort(
      (a, b) => a - b,
    );
    expect(seeds.at(-1)).toBeLessThan(2 ** 48);
    expect(Math.min(...seeds.slice(1).map((seed, i) => seed - (seeds[i] ?? 0)))).toBeGreaterThan(64);
  });
});
