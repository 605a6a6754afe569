import type { IterationRecord, RunProgress } from '../../workflows/contract/activities.ts';
import { waitingFailure } from '../failure.ts';
import { bumpRevision } from './identity.ts';
import { withTransaction, type Database, type Queryable } from './pool.ts';

const ENDED = ['Completed', 'Failed', 'Canceled'];

/** Writes where a run is; a change of phase or status is also an event. */
export async function writeProgress(database: Database, progress: RunProgress): Promise<void> {
  const { run, status, phase, arm, iteration, cause } = progress;
  await withTransaction(database, async (connection) => {
    const before = await connection.query<{ status: string; phase: string; arm: string; iteration: number }>(
      'select status, phase, arm, iteration from runs where run = $1 for update',
      [run],
    );
    const last = before.rows[0];
    if (last === undefined) {
      throw waitingFailure(
        'StoreBehind',
        `Expected run ${run} in the store, found none: restore a newer backup of the database, or write the run's row ` +
          'again with `thoughtloop start` and its recipe',
      );
    }
    await connection.query(
      `update runs set status = $2, phase = $3, arm = $4, iteration = $5, cause = $6, updated_at = now(),
              ended_at = case when $7 then now() else null end
        where run = $1`,
      [run, status, phase, arm, iteration, cause === null ? null : JSON.stringify(cause), ENDED.includes(status)],
    );
    await connection.query(`insert into iterations (run, arm, iteration) values ($1, $2, $3) on conflict do nothing`, [
      run,
      arm,
      iteration,
    ]);
    const same = last.status === status && last.phase === phase && last.arm === arm && last.iteration === iteration;
    if (!same) {
      const why = cause === null ? '' : `: ${cause.type}: ${cause.message}`;
      await writeEvent(connection, run, status.toLowerCase(), `${arm}, iteration ${iteration}, ${phase}${why}`);
      await bumpRevision(connection);
    }
  });
}

/** Notes that a running run is paused, or a paused one goes on; in any other status nothing is written. */
export async function writePause(database: Database, run: string, paused: boolean): Promise<void> {
  const [from, to] = paused ? ['Running', 'Paused'] : ['Paused', 'Running'];
  await withTransaction(database, async (connection) => {
    const { rowCount } = await connection.query(
      'update runs set status = $3, updated_at = now() where run = $1 and status = $2',
      [run, from, to],
    );
    if (rowCount === 1) await writeEvent(connection, run, to.toLowerCase(), paused ? 'by the operator' : 'resumed');
  });
}

/** Adds a line to the run's log of events. */
export async function writeEvent(database: Queryable, run: string, kind: string, message: string): Promise<void> {
  await database.query('insert into events (run, kind, message) values ($1, $2, $3)', [run, kind, message]);
}

/** Closes an iteration; the same record again changes nothing. */
export async function writeIteration(database: Database, record: IterationRecord): Promise<void> {
  const { run, arm, iteration } = record.place;
  await withTransaction(database, async (connection) => {
    await connection.query(
      `insert into iterations (run, arm, iteration, e_step_summary, ended_at) values ($1, $2, $3, $4, now())
     on conflict (run, arm, iteration) do update
        set e_step_summary = excluded.e_step_summary, ended_at = coalesce(iterations.ended_at, excluded.ended_at)`,
      [run, arm, iteration, record.eStep === null ? null : JSON.stringify(record.eStep)],
    );
    await bumpRevision(connection);
  });
}
