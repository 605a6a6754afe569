import type { Metric } from '../../workflows/contract/references.ts';
import type { LikelihoodRow } from '../store/likelihoods.ts';

/** Mean over documents with its standard error s/√n; no error for a single document. */
function mean(name: string, values: readonly number[]): Metric {
  const n = values.length;
  const value = values.reduce((sum, one) => sum + one, 0) / n;
  const squares = values.reduce((sum, one) => sum + (one - value) ** 2, 0);
  return { name, value, standardError: n > 1 ? Math.sqrt(squares / (n - 1) / n) : null, n };
}

/** Σnll/Σtokens with the standard error of a ratio of means (delta method). */
function perToken(rows: readonly LikelihoodRow[]): Metric {
  const n = rows.length;
  const tokens = rows.reduce((sum, row) => sum + row.tokens, 0);
  const value = rows.reduce((sum, row) => sum + row.nll, 0) / tokens;
  const squares = rows.reduce((sum, row) => sum + (row.nll - value * row.tokens) ** 2, 0);
  const standardError = n > 1 ? Math.sqrt(squares / (n - 1) / n) / (tokens / n) : null;
  return { name: 'nllPerToken', value, standardError, n };
}

/**
 * Figures of held-out documents, nats.
 *
 * `nll`: −log p(X | context) a document; `nllPerToken`: all of it over all tokens of X. `elbo1` … `elbo<K>` and `elbo`
 * (the last of these): importance-weighted bounds on log p(X | context), a document. `sampledTokens`: tokens of the
 * thoughts drawn. `notMeasured`: documents without an NLL (see measure-held-out.ts); n of `elbo` says how many have a bound.
 *
 * @param rows the documents measured
 * @param asked documents there are
 * @throws RangeError without rows
 */
export function heldOutMetrics(rows: readonly LikelihoodRow[], asked: number): readonly Metric[] {
  const n = rows.length;
  if (n === 0) throw new RangeError('Expected at least one document measured, got none');
  const total = (name: string, value: number, of: number): Metric => ({ name, value, standardError: null, n: of });
  const bounds = rows.flatMap(({ elbo }) => (elbo === null ? [] : [elbo]));
  const samples = bounds[0]?.length ?? 0;
  const byN = (index: number): number[] => bounds.map((elbo) => elbo[index] ?? Number.NaN);
  const elbo =
    samples === 0
      ? []
      : [
          mean('elbo', byN(samples - 1)),
          ...Array.from({ length: samples }, (_, index) => mean(`elbo${index + 1}`, byN(index))),
        ];
  return [
    mean(
      'nll',
      rows.map(({ nll }) => nll),
    ),
    perToken(rows),
    ...elbo,
    total(
      'sampledTokens',
      rows.reduce((sum, { sampledTokens }) => sum + sampledTokens, 0),
      n,
    ),
    total('notMeasured', asked - n, asked),
  ];
}
