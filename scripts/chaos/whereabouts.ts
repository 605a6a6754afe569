import { join } from 'node:path';
import { readProgress } from '../../activities/m-step/progress.ts';
import type { Queryable } from '../../activities/store/pool.ts';
import type { Stretch } from './schedule.ts';

/** Where a run is. */
export interface Whereabouts {
  readonly status: string;
  readonly arm: string;
  readonly iteration: number;
  readonly phase: string;
  /** How much of the phase's work is done, 0 … 1; 0 while nothing is known of it. */
  readonly done: number;
}

/**
 * Reads from store and files alone where a run is.
 * @param problems problems of a benchmark, each asked once
 * @throws the driver's error while the store is away
 */
export async function whereabouts(
  database: Queryable,
  data: string,
  run: string,
  problems: number,
): Promise<Whereabouts | undefined> {
  const { rows } = await database.query<Whereabouts>(
    `select status, arm, iteration, phase, coalesce(case phase
       when 'e-step' then (
         select (select count(*) from chunk_results c where c.e_step = e.e_step)::float8 / nullif(e.chunks, 0)
           from e_steps e where e.run = r.run and e.arm = r.arm and e.iteration = r.iteration)
       when 'evaluation' then (
         select count(*)::float8 / $2 from completions c join evaluations e using (evaluation)
          where e.run = r.run and e.arm = r.arm and e.iteration = r.iteration)
     end, 0) as done from runs r where run = $1`,
    [run, problems],
  );
  const [row] = rows;
  return row?.phase === 'm-step' ? { ...row, done: await trainingDone(database, data, run) } : row;
}

/** Least share of its steps that a training under way has done. */
async function trainingDone(database: Queryable, data: string, run: string): Promise<number> {
  const { rows } = await database.query<{ folder: string }>(
    `select folder from jobs where run = $1 and kind = 'training' and ended_at is null`,
    [run],
  );
  const shares = await Promise.all(
    rows.map(async ({ folder }) => {
      const progress = await readProgress(join(data, folder));
      return progress === null ? 0 : progress.step / (progress.steps ?? Infinity);
    }),
  );
  return shares.length === 0 ? 0 : Math.min(...shares);
}

/** The stretches of a run of `iterations` and further latent arms, in the order in which it comes through them. */
export function stretchesOf(iterations: number, arms: readonly string[]): Stretch[] {
  const model = (arm: string, iteration: number, sampled: boolean): Stretch[] =>
    (['e-step', 'm-step', 'evaluation'] as const)
      .filter((phase) => sampled || phase !== 'e-step')
      .map((phase) => ({ arm, iteration, phase }));
  const later = Array.from({ length: iterations }, (_, index) => index + 1);
  return [
    ...model('latent', 0, false),
    ...later.flatMap((iteration) => model('latent', iteration, true)),
    // An arm's first iteration shares the loop's sampling.
    ...arms.flatMap((arm) => later.flatMap((iteration) => model(arm, iteration, iteration > 1))),
  ];
}
