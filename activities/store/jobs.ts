import type { Place } from '../../workflows/contract/ids.ts';
import type { Queryable } from './pool.ts';

/** `submitting`, `running` and `cancelling` are open, the others ends. */
export type JobState = 'submitting' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled' | 'lost';

/** Whether a job was judged, or is about to be: it may only be started again on request. */
export const isOver = ({ state }: Pick<Job, 'state'>): boolean => state !== 'submitting' && state !== 'running';

/** What a job that makes a model will leave, and how often it was started. */
export interface ModelJobDetails {
  readonly place: Place;
  readonly trial: number;
  /** Folder of checkpoints, progress and result, relative to the data folder. */
  readonly output: string;
  /** Key in the marker of the result; the same for all generations of a training. */
  readonly result: string;
  /** Starts after the first one. */
  readonly restarts: number;
  /** Starts in a row that ended without a step more than the start before. */
  readonly barren: number;
  /** Greatest step that any start reached. */
  readonly step: number;
}

export interface ServerJobDetails {
  readonly fleet: string;
  readonly slot: number;
  readonly generation: number;
}

export interface Job<Details = ModelJobDetails | ServerJobDetails> {
  readonly key: string;
  readonly run: string;
  readonly cluster: string;
  readonly kind: 'base' | 'training' | 'server';
  /** Folder of the job's present start, relative to the data folder: log and the cluster's records. */
  readonly folder: string;
  readonly details: Details;
  readonly state: JobState;
}

const COLUMNS = 'key, run, cluster, kind, folder, handle as details, state';

/** Writes down that a job will be submitted, unless its key is there; returns what is there. */
export async function recordJob<Details extends ModelJobDetails | ServerJobDetails>(
  database: Queryable,
  job: Omit<Job<Details>, 'state'>,
): Promise<Job<Details>> {
  const { key, run, cluster, kind, folder, details } = job;
  await database.query(
    `insert into jobs (key, run, cluster, kind, folder, handle, state) values ($1, $2, $3, $4, $5, $6, 'submitting')
     on conflict (key) do nothing`,
    [key, run, cluster, kind, folder, JSON.stringify(details)],
  );
  const found = await findJob<Details>(database, key);
  if (found === undefined) throw new Error(`Expected job ${key} in the store after writing it, found none`);
  return found;
}

export async function findJob<Details = ModelJobDetails | ServerJobDetails>(
  database: Queryable,
  key: string,
): Promise<Job<Details> | undefined> {
  const { rows } = await database.query<Job<Details>>(`select ${COLUMNS} from jobs where key = $1`, [key]);
  return rows[0];
}

/** Jobs of a fleet's servers that nobody saw end. */
export async function openServerJobs(database: Queryable, fleet: string): Promise<Job<ServerJobDetails>[]> {
  const { rows } = await database.query<Job<ServerJobDetails>>(
    `select ${COLUMNS} from jobs where kind = 'server' and handle->>'fleet' = $1 and ended_at is null order by key`,
    [fleet],
  );
  return rows;
}

/** Notes that the cluster has the job. */
export async function recordSubmission(database: Queryable, key: string): Promise<void> {
  await database.query(
    `update jobs set state = 'running', submitted_at = coalesce(submitted_at, now())
      where key = $1 and state = 'submitting'`,
    [key],
  );
}

/** Seconds since a job was first submitted, by the store's clock; 0 for one that was not. */
export async function submissionAge(database: Queryable, key: string): Promise<number> {
  const { rows } = await database.query<{ seconds: number | null }>(
    `select extract(epoch from now() - submitted_at)::float8 as seconds from jobs where key = $1`,
    [key],
  );
  return Math.max(0, rows[0]?.seconds ?? 0);
}

/**
 * Writes down that a job will be started again in another folder.
 * @param before The job as the caller knows it; where someone else was faster, or its state changed, nothing is written.
 * @returns the job as it is then.
 */
export async function recordRestart(
  database: Queryable,
  before: Job<ModelJobDetails>,
  folder: string,
  details: ModelJobDetails,
): Promise<Job<ModelJobDetails>> {
  await database.query(
    `update jobs set state = 'submitting', reason = null, submitted_at = null, ended_at = null, folder = $4, handle = $5
      where key = $1 and (handle->>'restarts')::integer = $2 and (state in ('submitting', 'running')) = not $3`,
    [before.key, before.details.restarts, isOver(before), folder, JSON.stringify(details)],
  );
  const job = await findJob<ModelJobDetails>(database, before.key);
  if (job === undefined) throw new Error(`Expected job ${before.key} in the store, found none`);
  return job;
}

/** Notes that an open job is being stopped, so that nobody starts it again meanwhile. */
export async function recordCancelling(database: Queryable, key: string): Promise<void> {
  await database.query(`update jobs set state = 'cancelling' where key = $1 and ended_at is null`, [key]);
}

/** Closes a job; the first end stays. */
export async function recordEnd(
  database: Queryable,
  key: string,
  state: Exclude<JobState, 'submitting' | 'running'>,
  reason: string | null = null,
): Promise<void> {
  await database.query(
    `update jobs set state = $2, reason = $3, ended_at = now() where key = $1 and ended_at is null`,
    [key, state, reason],
  );
}
