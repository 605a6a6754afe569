import { expect, test } from 'vitest';
import { benchmarkMetrics, type BenchmarkOutcome } from '../../activities/evaluation/benchmark-metrics.ts';

const outcome = (
  verdict: BenchmarkOutcome['verdict'],
  finish: BenchmarkOutcome['finish'],
  tokens: number,
): BenchmarkOutcome => {
  return { verdict, finish, tokens };
};
const OUTCOMES = [
  outcome('right', 'stop', 10),
  outcome('wrong', 'length', 20),
  outcome('ungraded', 'length', 20),
  outcome('ungraded', 'too-long', 0),
];

test('accuracy is over all problems, also those not asked or not graded', () => {
  const [accuracy] = benchmarkMetrics(OUTCOMES, null);
  expect(accuracy).toEqual({ name: 'accuracy', value: 0.25, standardError: Math.sqrt((0.25 * 0.75) / 4), n: 4 });
});

test('what lowers it is told apart', () => {
  const metrics = benchmarkMetrics(OUTCOMES, null);
  const values = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  expect(values).toEqual({ accuracy: 0.25, ungraded: 2, truncated: 0.5, notAsked: 1, sampledTokens: 50 });
});

test('the examples shown are told where there are any', () => {
  expect(benchmarkMetrics(OUTCOMES, [4, 4, 1]).at(-1)).toEqual({ name: 'shots', value: 3, standardError: null, n: 3 });
  expect(benchmarkMetrics(OUTCOMES, []).some(({ name }) => name === 'shots')).toBe(false);
});

test('no outcomes are no figure', () => {
  expect(() => benchmarkMetrics([], null)).toThrowError(RangeError);
});
