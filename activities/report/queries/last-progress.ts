import { resolve } from 'node:path';
import { readProgress } from '../../m-step/progress.ts';
import type { Queryable } from '../../store/pool.ts';

/** The last time a run got on. */
export interface LastProgress {
  /** What it was, such as `chunk made durable`. */
  readonly what: string;
  /** Time since then. */
  readonly seconds: number;
}

/**
 * When a run last got on: a phase began, something of it became durable, a job began or ended, a training wrote a line.
 * Starts and losses of servers are no progress: a server that dies again and again keeps a run busy and standing still.
 *
 * Times of the store are taken by the store's clock, those of a training by this machine's.
 *
 * @param dataFolder where the files of trainings are; those that this machine does not see are left out
 */
export async function lastProgress(database: Queryable, dataFolder: string, run: string): Promise<LastProgress> {
  const [{ rows }, trainings] = await Promise.all([
    database.query<LastProgress>(
      `with ours as (select evaluation from evaluations where run = $1 and finished_at is null)
       select what, greatest(0, extract(epoch from now() - at))::float8 as seconds from (
         select 'phase began' as what, updated_at as at from runs where run = $1
         union all
         select 'chunk made durable', max(written_at) from shards join e_steps using (e_step) where run = $1
         union all
         select 'answer made durable', max(written_at) from completions join ours using (evaluation)
         union all
         select 'likelihood made durable', max(written_at) from likelihoods join ours using (evaluation)
         union all
         select 'job begun or ended', max(greatest(submitted_at, ended_at)) from jobs where run = $1 and kind <> 'server'
       ) seen where at is not null order by at desc limit 1`,
      [run],
    ),
    openTrainings(database, run),
  ]);
  const stored = rows[0] ?? { what: 'run begun', seconds: 0 };
  const lines = await Promise.all(trainings.map((folder) => readProgress(resolve(dataFolder, folder))));
  return lines.reduce<LastProgress>((last, line) => {
    if (line === null) return last;
    const seconds = Math.max(0, (Date.now() - Date.parse(line.at)) / 1000);
    return seconds < last.seconds ? { what: 'line of a training', seconds } : last;
  }, stored);
}

async function openTrainings(database: Queryable, run: string): Promise<readonly string[]> {
  const { rows } = await database.query<{ folder: string }>(
    `select folder from jobs where run = $1 and kind = 'training' and ended_at is null`,
    [run],
  );
  return rows.map(({ folder }) => folder);
}
