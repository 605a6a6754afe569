import type { Queryable } from '../../store/pool.ts';

/** What a cluster runs, or ran, for a run. */
export interface JobLine {
  readonly key: string;
  readonly cluster: string;
  readonly kind: 'base' | 'training' | 'server';
  /** As stored: of the job's files, relative to the data folder or absolute. */
  readonly folder: string;
  /** Starts after the first one, each under a key of its own on the cluster. */
  readonly restarts: number;
  readonly state: string;
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** One server slot of a fleet. */
export interface ServerLine {
  readonly fleet: string;
  readonly slot: number;
  readonly generation: number;
  readonly model: string;
  readonly url: string | null;
  readonly state: 'starting' | 'ready' | 'gone';
  readonly failedStarts: number;
  readonly updatedAt: Date;
}

const JOB_COLUMNS = `key, cluster, kind, folder, coalesce((handle->>'restarts')::int, 0) as restarts, state, reason, created_at as "createdAt", ended_at as "endedAt"`;

/** All jobs of a run in the order of their beginning. */
export async function jobsOf(database: Queryable, run: string): Promise<JobLine[]> {
  const { rows } = await database.query<JobLine>(
    `select ${JOB_COLUMNS} from jobs where run = $1 order by created_at, key`,
    [run],
  );
  return rows;
}

/** Servers of a run that are not gone. */
export async function serversOf(database: Queryable, run: string): Promise<ServerLine[]> {
  const { rows } = await database.query<ServerLine>(
    `select fleet, slot, generation, model, url, state, failed_starts as "failedStarts", updated_at as "updatedAt"
       from servers where run = $1 and state <> 'gone' order by fleet, slot`,
    [run],
  );
  return rows;
}
