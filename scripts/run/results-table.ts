import type { Result } from '../../activities/store/results.ts';
import { table } from '../output.ts';
import { duration, modelName, quantity, withError } from '../../activities/report/quantities.ts';

/** The models of a run as a table; empty text when there is none yet. */
export function resultsTable(results: readonly Result[]): string {
  if (results.length === 0) return '';
  return table(results, [
    { heading: 'model', cell: modelName },
    { heading: 'accuracy', cell: (row) => withError(row.accuracy, row.standardError), align: 'right' },
    { heading: 'n', cell: (row) => quantity(row.n), align: 'right' },
    { heading: 'ELBO', cell: (row) => withError(row.elbo, row.elboStandardError, 2), align: 'right' },
    { heading: 'NLL', cell: (row) => withError(row.nll, row.nllStandardError, 2), align: 'right' },
    { heading: 'ESS', cell: (row) => (row.ess === null ? undefined : row.ess.toFixed(2)), align: 'right' },
    { heading: 'trained tokens', cell: (row) => quantity(row.trainingTokens), align: 'right' },
    { heading: 'sampled tokens', cell: (row) => quantity(row.sampledTokens), align: 'right' },
    { heading: 'time', cell: (row) => duration(row.seconds), align: 'right' },
  ]);
}
