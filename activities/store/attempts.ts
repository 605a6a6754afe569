import type { WorkerProcess } from '../clusters/worker-process.ts';
import type { Queryable } from './pool.ts';

/** An attempt of an activity that a worker process holds. */
export interface HeldAttempt {
  readonly workflow: string;
  readonly activity: string;
  readonly attempt: number;
  /** When Temporal scheduled it, by Temporal's clock: tells the order of attempts also where their numbers begin anew. */
  readonly scheduledAt: Date;
  /** Temporal's name of this very attempt. */
  readonly token: Uint8Array;
}

/** Notes that a process holds an attempt; a later attempt of the activity takes the row over, an earlier one does not. */
export async function noteAttempt(
  database: Queryable,
  { workflow, activity, attempt, token, scheduledAt }: HeldAttempt,
  { machine, pidNamespace, pid, start }: WorkerProcess,
): Promise<void> {
  await database.query(
    `insert into attempts (workflow, activity, attempt, token, machine, pid_namespace, pid, process_start, began_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (workflow, activity) do update
        set attempt = excluded.attempt, token = excluded.token, machine = excluded.machine,
            pid_namespace = excluded.pid_namespace, pid = excluded.pid, process_start = excluded.process_start,
            began_at = excluded.began_at
      where attempts.began_at <= excluded.began_at`,
    [workflow, activity, attempt, token, machine, pidNamespace, pid, start, scheduledAt],
  );
}

/** Notes that an attempt is over; one that has followed it stays. */
export async function forgetAttempt(database: Queryable, { workflow, activity, token }: HeldAttempt): Promise<void> {
  await database.query('delete from attempts where workflow = $1 and activity = $2 and token = $3', [
    workflow,
    activity,
    token,
  ]);
}

/** The attempts that processes of a machine hold, or held when they died. */
export async function attemptsOf(
  database: Queryable,
  machine: string,
): Promise<readonly (HeldAttempt & { readonly holder: WorkerProcess })[]> {
  const { rows } = await database.query<HeldAttempt & Omit<WorkerProcess, 'machine'>>(
    `select workflow, activity, attempt, token, began_at as "scheduledAt", pid_namespace as "pidNamespace", pid, process_start as start
       from attempts where machine = $1 order by began_at`,
    [machine],
  );
  return rows.map(({ pidNamespace, pid, start, ...held }) => ({
    ...held,
    holder: { machine, pidNamespace, pid, start },
  }));
}
