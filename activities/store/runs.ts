import type { Cause } from '../../workflows/contract/activities.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import type { Phase, RunStatus } from '../../workflows/contract/search-attributes.ts';
import { bumpRevision } from './identity.ts';
import { withTransaction, type Database, type Queryable } from './pool.ts';

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
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
}

/** What came of naming a run: it is new, it is there with this very recipe, or with another one. */
export interface StartedRun {
  readonly kind: 'new' | 'same' | 'different';
  readonly row: RunRow;
}

const COLUMNS = `run, recipe, recipe_digest as digest, status, phase, arm, iteration, cause, created_at as "createdAt",
  updated_at as "updatedAt", ended_at as "endedAt"`;

/**
 * Writes a run's row, or finds the one of that name; of two that start one name at once, one is new.
 * @param input recipe as resolved, and its digest
 */
export async function startRun(
  database: Database,
  input: { readonly run: string; readonly recipe: Recipe; readonly digest: string },
): Promise<StartedRun> {
  return withTransaction(database, async (connection) => {
    const inserted = await connection.query<RunRow>(
      `insert into runs (run, recipe, recipe_digest, status, phase, arm, iteration)
       values ($1, $2, $3, 'Running', 'base', 'latent', 0)
       on conflict (run) do nothing returning ${COLUMNS}`,
      [input.run, JSON.stringify(input.recipe), input.digest],
    );
    const [created] = inserted.rows;
    if (created !== undefined) {
      await bumpRevision(connection);
      return { kind: 'new', row: created };
    }
    const row = await findRun(connection, input.run);
    if (row === null) throw new Error(`Expected run ${input.run}, whose name is taken, found none`);
    return { kind: row.digest === input.digest ? 'same' : 'different', row };
  });
}

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
