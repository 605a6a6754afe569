import type { Queryable } from './pool.ts';

/** A place for one server in a fleet. Samplers read it: a `ready` one with its URL takes work. */
export interface ServerSlot {
  readonly generation: number;
  readonly state: 'starting' | 'ready' | 'gone';
  /** Starts in a row that failed. */
  readonly failedStarts: number;
  /** Stamp of the last change, for {@link isUntouched}. */
  readonly stamp: string;
}

/**
 * Takes a slot: one that is new, `gone`, or of another model begins its next generation; a server that runs or starts is
 * found as it is.
 * @param model Name under which the checkpoint is served.
 */
export async function takeSlot(
  database: Queryable,
  run: string,
  fleet: string,
  slot: number,
  model: string,
): Promise<ServerSlot> {
  const { rows } = await database.query<ServerSlot>(
    `insert into servers as s (fleet, slot, generation, run, model, state) values ($1, $2, 0, $3, $4, 'starting')
     on conflict (fleet, slot) do update
        set generation = case when s.state = 'gone' or s.model <> excluded.model then s.generation + 1 else s.generation end,
            state = case when s.state = 'gone' or s.model <> excluded.model then 'starting' else s.state end,
            url = case when s.state = 'gone' or s.model <> excluded.model then null else s.url end,
            model = excluded.model, updated_at = now()
     returning generation, state, failed_starts as "failedStarts", updated_at::text as stamp`,
    [fleet, slot, run, model],
  );
  const found = rows[0];
  if (found === undefined) throw new Error(`Expected a row of slot ${slot} of fleet ${fleet}, got none`);
  return found;
}

/** Lets samplers use the server. @returns the slot's new stamp. */
export async function recordReady(
  database: Queryable,
  fleet: string,
  slot: number,
  generation: number,
  url: string,
): Promise<string | undefined> {
  const { rows } = await database.query<{ stamp: string }>(
    `update servers set state = 'ready', url = $4, failed_starts = 0, updated_at = now()
      where fleet = $1 and slot = $2 and generation = $3
      returning updated_at::text as stamp`,
    [fleet, slot, generation, url],
  );
  return rows[0]?.stamp;
}

/** Whether nobody else has taken or changed the slot since the caller got the stamp. */
export async function isUntouched(database: Queryable, fleet: string, slot: number, stamp: string): Promise<boolean> {
  const { rowCount } = await database.query(
    'select 1 from servers where fleet = $1 and slot = $2 and updated_at::text = $3',
    [fleet, slot, stamp],
  );
  return rowCount === 1;
}

/**
 * Takes the server away from samplers.
 * @param failedStart Whether it never became ready.
 * @returns failed starts in a row, this one included.
 */
export async function recordGone(
  database: Queryable,
  fleet: string,
  slot: number,
  generation: number,
  failedStart: boolean,
): Promise<number> {
  const { rows } = await database.query<{ failedStarts: number }>(
    `update servers set state = 'gone', url = null, updated_at = now(),
            failed_starts = case when $4 then failed_starts + 1 else 0 end
      where fleet = $1 and slot = $2 and generation = $3
      returning failed_starts as "failedStarts"`,
    [fleet, slot, generation, failedStart],
  );
  return rows[0]?.failedStarts ?? 0;
}

/** Takes all servers of a fleet away from samplers; the next fleet of this id has all its starts again. */
export async function recordFleetGone(database: Queryable, fleet: string): Promise<void> {
  await database.query(
    `update servers set state = 'gone', url = null, failed_starts = 0, updated_at = now()
      where fleet = $1`,
    [fleet],
  );
}
