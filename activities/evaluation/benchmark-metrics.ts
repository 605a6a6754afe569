import type { Metric } from '../../workflows/contract/references.ts';
import type { Verdict } from './graders/verdict.ts';

/**
 * How asking a problem ended: `stop` by the model or a stop text, `length` at the limit; `too-long`: its prompt does not
 * fit the model, so it was not asked; `refused`: the server refused the request.
 */
export type CompletionFinish = 'stop' | 'length' | 'too-long' | 'refused';

/** What the metrics need of one problem. */
export interface BenchmarkOutcome {
  readonly verdict: Verdict;
  readonly finish: CompletionFinish;
  /** Generated tokens. */
  readonly tokens: number;
}

/** A share of n with its binomial standard error sqrt(p(1−p)/n). */
function share(name: string, count: number, n: number): Metric {
  const value = count / n;
  return { name, value, standardError: Math.sqrt((value * (1 - value)) / n), n };
}

/**
 * Figures of a benchmark, all over all its problems: a problem that was not asked or not graded is not right.
 *
 * `accuracy`: share right, of the grader in the evaluation's settings. `truncated`: share ended by the token limit.
 * `ungraded`, `notAsked`: problems. `sampledTokens`: generated tokens. `shots` (where there are any): worked examples
 * shown, mean of the problems asked.
 *
 * @param shotsShown examples shown to each problem asked; null for a benchmark without examples
 * @throws RangeError without outcomes
 */
export function benchmarkMetrics(
  outcomes: readonly BenchmarkOutcome[],
  shotsShown: readonly number[] | null,
): readonly Metric[] {
  const n = outcomes.length;
  if (n === 0) throw new RangeError('Expected at least one outcome, got none');
  const count = (matches: (outcome: BenchmarkOutcome) => boolean): number => outcomes.filter(matches).length;
  const total = (name: string, value: number): Metric => ({ name, value, standardError: null, n });
  const metrics = [
    share(
      'accuracy',
      count(({ verdict }) => verdict === 'right'),
      n,
    ),
    total(
      'ungraded',
      count(({ verdict }) => verdict === 'ungraded'),
    ),
    share(
      'truncated',
      count(({ finish }) => finish === 'length'),
      n,
    ),
    total(
      'notAsked',
      count(({ finish }) => finish === 'too-long' || finish === 'refused'),
    ),
    total(
      'sampledTokens',
      outcomes.reduce((sum, { tokens }) => sum + tokens, 0),
    ),
  ];
  if (shotsShown === null || shotsShown.length === 0) return metrics;
  const mean = shotsShown.reduce((sum, shots) => sum + shots, 0) / shotsShown.length;
  return [...metrics, { name: 'shots', value: mean, standardError: null, n: shotsShown.length }];
}
