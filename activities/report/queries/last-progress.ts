import { resolve } from 'node:path';
import { PATIENCE } from '../../m-step/patience.ts';
import { readProgress } from '../../m-step/progress.ts';
import { LONG_STATEMENT_MS, type Queryable } from '../../store/pool.ts';
import { STEP_PROGRESS } from '../../store/step-progress.ts';

/** The last time a run got on. */
export interface LastProgress {
  /** What it was, such as `chunk made durable`. */
  readonly what: string;
  /** Time since then. */
  readonly seconds: number;
}

/**
 * When a run last got on: a phase began, something of it became durable, a step said how far it is, a job began or ended,
 * a job that makes a model wrote a line. Starts and losses of servers are no progress: a server that dies again and again
 * keeps a run busy and standing still.
 *
 * What shows nothing until its end counts as getting on for as long as it is given: a base model that is being made, and
 * the adding up of an E-step. Then its beginning is the last progress.
 *
 * Times of the store are taken by the store's clock, those of a job's lines by this machine's.
 *
 * @param dataFolder where the files of jobs are; those that this machine does not see are left out
 */
export async function lastProgress(database: Queryable, dataFolder: string, run: string): Promise<LastProgress> {
  const [{ rows }, folders] = await Promise.all([
    database.query<LastProgress>(
      `with ours as (select evaluation from evaluations where run = $1 and finished_at is null),
       quiet as (
         select 'base model begun' as what, submitted_at as at, $2::float8 as given
           from jobs where run = $1 and kind = 'base' and ended_at is null
         union all
         select 'E-step sampled', max(shards.finished_at), $3
           from shards join e_steps using (e_step) where run = $1 and e_steps.finished_at is null
          group by e_step having bool_and(shards.finished_at is not null))
       select what, greatest(0, extract(epoch from now() - at))::float8 as seconds from (
         select 'phase began' as what, updated_at as at from runs where run = $1
         union all
         select 'documents done', max(at) from events where run = $1 and kind = $4
         union all
         select 'E-step planned or closed', max(greatest(created_at, finished_at)) from e_steps where run = $1
         union all
         select 'chunk made durable', max(written_at) from shards join e_steps using (e_step) where run = $1
         union all
         select 'evaluation begun or ended', max(greatest(created_at, finished_at)) from evaluations where run = $1
         union all
         select 'answer made durable', max(written_at) from completions join ours using (evaluation)
         union all
         select 'likelihood made durable', max(written_at) from likelihoods join ours using (evaluation)
         union all
         select 'job begun or ended', max(greatest(submitted_at, ended_at)) from jobs where run = $1 and kind <> 'server'
         union all
         select what, case when extract(epoch from now() - at) < given then now() else at end from quiet
       ) seen where at is not null order by at desc limit 1`,
      [run, PATIENCE.base, LONG_STATEMENT_MS / 1_000, STEP_PROGRESS],
    ),
    openModelJobs(database, run),
  ]);
  const stored = rows[0] ?? { what: 'run begun', seconds: 0 };
  const lines = await Promise.all(folders.map((folder) => readProgress(resolve(dataFolder, folder))));
  return lines.reduce<LastProgress>((last, line) => {
    if (line === null) return last;
    const seconds = Math.max(0, (Date.now() - Date.parse(line.at)) / 1000);
    return seconds < last.seconds ? { what: 'line of a training', seconds } : last;
  }, stored);
}

async function openModelJobs(database: Queryable, run: string): Promise<readonly string[]> {
  const { rows } = await database.query<{ folder: string }>(
    `select folder from jobs where run = $1 and kind <> 'server' and ended_at is null`,
    [run],
  );
  return rows.map(({ folder }) => folder);
}
