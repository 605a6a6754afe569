import type { Cause } from '../../workflows/contract/activities.ts';
import { MAIN_ARM } from '../../workflows/contract/ids.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import type { Phase, RunStatus } from '../../workflows/contract/search-attributes.ts';
import type { ForkPoint } from './forks.ts';
import { bumpRevision } from './identity.ts';
import { withTransaction, type Database, type Queryable } from './pool.ts';
import { writeEvent } from './progress.ts';

/** A run as the store knows it: what it is and where it stands. */
export interface RunRow {
  readonly run: string;
  readonly recipe: Recipe;
  /** sha256 of the recipe's canonical JSON. */
  readonly digest: string;
  readonly status: RunStatus;
  readonly phase: Phase;
  readonly arm: string;
  readonly iteration: number;
  /** Set while parked or failed. */
  readonly cause: Cause | null;
  /** Where it begins, if it is a fork. */
  readonly fork: ForkPoint | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
}

/** What came of naming a run: it is new, it is there as it is asked for, or with another recipe or beginning. */
export interface StartedRun {
  readonly kind: 'new' | 'same' | 'different';
  readonly row: RunRow;
}

const COLUMNS = `run, recipe, recipe_digest as digest, status, phase, arm, iteration, cause,
  case when forked_from is not null then json_build_object('run', forked_from, 'iteration', forked_iteration) end as fork,
  created_at as "createdAt", updated_at as "updatedAt", ended_at as "endedAt"`;

/** What a run is begun with. */
export interface NewRun {
  readonly run: string;
  /** As resolved. */
  readonly recipe: Recipe;
  readonly digest: string;
  /** Where it begins; not given: wherever the run of that name does, or at the base model. */
  readonly fork?: ForkPoint;
  /** Where it stands until its workflow says so; the base model where not given. */
  readonly at?: { readonly phase: Phase; readonly arm: string; readonly iteration: number };
}

/** Writes a run's row, or finds the one of that name; of two that start one name at once, one is new. */
export async function startRun(
  database: Database,
  { run, recipe, digest, fork, at = { phase: 'base', arm: MAIN_ARM, iteration: 0 } }: NewRun,
): Promise<StartedRun> {
  return withTransaction(database, async (connection) => {
    const inserted = await connection.query<RunRow>(
      `insert into runs (run, recipe, recipe_digest, status, phase, arm, iteration, forked_from, forked_iteration)
       values ($1, $2, $3, 'Running', $4, $5, $6, $7, $8)
       on conflict (run) do nothing returning ${COLUMNS}`,
      [run, JSON.stringify(recipe), digest, at.phase, at.arm, at.iteration, fork?.run ?? null, fork?.iteration ?? null],
    );
    const [created] = inserted.rows;
    if (created !== undefined) {
      await bumpRevision(connection);
      if (fork !== undefined) await writeEvent(connection, run, 'forked', describeFork(fork));
      return { kind: 'new', row: created };
    }
    const row = await findRun(connection, run);
    if (row === null) throw new Error(`Expected run ${run}, whose name is taken, found none`);
    return { kind: row.digest === digest && beginsAt(row, fork) ? 'same' : 'different', row };
  });
}

/** Whether a run begins where it is asked to; no wish is met by every run. */
export function beginsAt(row: RunRow, fork: ForkPoint | undefined): boolean {
  return fork === undefined || (row.fork?.run === fork.run && row.fork.iteration === fork.iteration);
}

/** Where a fork begins, for people. */
export const describeFork = ({ run, iteration }: ForkPoint): string => `${run} after iteration ${iteration}`;

/** The run of a name, or null. */
export async function findRun(database: Queryable, run: string): Promise<RunRow | null> {
  const { rows } = await database.query<RunRow>(`select ${COLUMNS} from runs where run = $1`, [run]);
  return rows[0] ?? null;
}

/** All runs, the newest first. */
export async function listRuns(database: Queryable): Promise<RunRow[]> {
  const { rows } = await database.query<RunRow>(`select ${COLUMNS} from runs order by created_at desc, run`);
  return rows;
}

/** Takes a cancelled run up again: nothing of it was lost, it goes on where it was. */
export async function reopenRun(database: Queryable, run: string): Promise<void> {
  await database.query(
    `update runs set status = 'Running', cause = null, ended_at = null, updated_at = now()
     where run = $1 and status = 'Canceled'`,
    [run],
  );
}
