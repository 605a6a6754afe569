import { describe, expect, it } from 'vitest';
import { duration, figure, metricsText, NOTHING_SAMPLED, samplingDetails } from '../../workflows/details.ts';

describe('current details', () => {
  it.each([
    [12_345_678, '12,345,678'],
    [3.4219, '3.42'],
    [-0.12345, '-0.1235'],
    [1234.5678, '1,235'],
    [0, '0'],
    [Number.NaN, '–'],
  ])('writes %d as %s', (value, text) => {
    expect(figure(value)).toBe(text);
  });

  it.each([
    [5, '5 s'],
    [600, '10 min'],
    [3 * 3600 + 120, '3 h 2 min'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('gives the rate and the time left by what was sampled since the start, not by what was found finished', () => {
    const counts = { ...NOTHING_SAMPLED.counts, chunks: 900, sampledTokens: 90_000 };
    const text = samplingDetails({
      counts,
      shards: { done: 9, failed: 1, total: 19 },
      pace: { shards: 2, tokens: 20_000, milliseconds: 100_000 },
    });
    expect(text).toContain('9 of 19 shards** · 1 failed');
    expect(text).toContain('200 tokens/s · 8 min left');
  });

  it('says nothing of a rate before something was sampled', () => {
    const text = samplingDetails({ ...NOTHING_SAMPLED, shards: { done: 3, failed: 0, total: 4 } });
    expect(text).not.toContain('tokens/s');
  });

  it('shows a metric with its standard error, and leaves out what is in the report only', () => {
    const metrics = [
      { name: 'accuracy', value: 0.25, standardError: 0.012, n: 400 },
      { name: 'shots', value: 4, standardError: null, n: 400 },
    ];
    expect(metricsText('math', metrics)).toBe('math: accuracy 0.2500 ± 0.0120');
  });
});
