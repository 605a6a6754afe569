import type { Queryable } from '../../store/pool.ts';

/** One line of a run's log. */
export interface RunEvent {
  readonly event: number;
  readonly at: Date;
  readonly kind: string;
  readonly message: string;
}

/** The last `limit` events of a run, oldest first. */
export async function lastEvents(database: Queryable, run: string, limit: number): Promise<RunEvent[]> {
  const { rows } = await database.query<RunEvent>(
    `select event, at, kind, message from
       (select * from events where run = $1 order by event desc limit $2) as latest order by event`,
    [run, limit],
  );
  return rows;
}
