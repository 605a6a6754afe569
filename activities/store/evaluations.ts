import type { Metric } from '../../workflows/contract/references.ts';
import { failure } from '../failure.ts';
import { withTransaction, type Connection, type Database } from './pool.ts';

/** What one evaluation is: where it belongs, what it measures, under which settings. */
export interface EvaluationSubject {
  /** Key: the workflow's id, or a name of the operator's for an evaluation outside a run. */
  readonly evaluation: string;
  /** Null outside a run. */
  readonly run: string | null;
  readonly arm: string;
  readonly iteration: number;
  readonly trial: number;
  /** Name of the benchmark, or `held-out`. */
  readonly benchmark: string;
  /** Digest of the checkpoint. */
  readonly checkpoint: string;
  /** Everything the figures depend on besides the checkpoint, as JSON. */
  readonly settings: unknown;
}

/** Whether an evaluation still has something to do. */
export type OpenedEvaluation =
  { readonly kind: 'finished'; readonly metrics: readonly Metric[] } | { readonly kind: 'open' };

/**
 * Opens an evaluation: makes its row, or finds it with the rows measured so far. A row of the same key that measured
 * another checkpoint or other settings is dropped with all it measured: its figures are not this evaluation's.
 */
export async function openEvaluation(database: Database, subject: EvaluationSubject): Promise<OpenedEvaluation> {
  const { evaluation, run, arm, iteration, trial, benchmark, checkpoint } = subject;
  const settings = JSON.stringify(subject.settings);
  const values = [evaluation, run, arm, iteration, trial, benchmark, checkpoint, settings];
  const insert = `
    insert into evaluations (evaluation, run, arm, iteration, trial, benchmark, checkpoint, settings)
    values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (evaluation) do nothing`;
  return withTransaction(database, async (connection) => {
    await connection.query(insert, values);
    const { rows } = await connection.query<{ same: boolean; finished: boolean; metrics: Metric[] | null }>(
      `select checkpoint = $2 and settings = $3::jsonb as same, finished_at is not null as finished, metrics
       from evaluations where evaluation = $1 for update`,
      [evaluation, checkpoint, settings],
    );
    const [row] = rows;
    if (row?.same === true) {
      return row.finished && row.metrics !== null ? { kind: 'finished', metrics: row.metrics } : { kind: 'open' };
    }
    await connection.query('delete from evaluations where evaluation = $1', [evaluation]);
    await connection.query(insert, values);
    return { kind: 'open' };
  });
}

/**
 * Holds an evaluation open for the rest of a transaction, so that nothing is written into one that has been finished, or
 * has begun anew for another checkpoint, by an attempt that took over.
 * @throws LeaseLost
 */
export async function holdEvaluation(connection: Connection, evaluation: string, checkpoint: string): Promise<void> {
  const { rowCount } = await connection.query(
    'select from evaluations where evaluation = $1 and checkpoint = $2 and finished_at is null for share',
    [evaluation, checkpoint],
  );
  if (rowCount === 0) throw failure('LeaseLost', `Expected evaluation ${evaluation} to be open, found it taken over`);
}

/** Closes an evaluation with its figures; the first to close it wins, and its figures are returned. */
export async function finishEvaluation(
  database: Database,
  evaluation: string,
  checkpoint: string,
  metrics: readonly Metric[],
): Promise<readonly Metric[]> {
  await database.query(
    `update evaluations set metrics = $3, finished_at = now()
     where evaluation = $1 and checkpoint = $2 and finished_at is null`,
    [evaluation, checkpoint, JSON.stringify(metrics)],
  );
  const { rows } = await database.query<{ metrics: Metric[] | null }>(
    'select metrics from evaluations where evaluation = $1 and checkpoint = $2',
    [evaluation, checkpoint],
  );
  const recorded = rows[0]?.metrics ?? null;
  if (recorded === null)
    throw failure('LeaseLost', `Expected evaluation ${evaluation} to be ours, found it taken over`);
  return recorded;
}
