import { resolve } from 'node:path';
import { readProgress, type TrainingProgress } from '../../activities/m-step/progress.ts';
import { lastProgress, type LastProgress } from '../../activities/report/queries/last-progress.ts';
import { lastEvents, type RunEvent } from '../../activities/report/queries/events.ts';
import { jobsOf, serversOf, type JobLine, type ServerLine } from '../../activities/report/queries/machinery.ts';
import { samplingProgress, type SamplingProgress } from '../../activities/report/queries/sampling-progress.ts';
import type { Queryable } from '../../activities/store/pool.ts';
import { results, type Result } from '../../activities/store/results.ts';
import type { RunRow } from '../../activities/store/runs.ts';

/** A training that is under way. */
export interface OpenTraining {
  readonly key: string;
  /** null before its first line of progress. */
  readonly progress: TrainingProgress | null;
}

/** All that is known of a run from the store and the data folder, without Temporal and without workers. */
export interface RunOverview {
  readonly run: Omit<RunRow, 'recipe'>;
  readonly iterations: number;
  /** When the run last got on. */
  readonly progress: LastProgress;
  /** Progress of the E-step at the run's place; null when none is planned there. */
  readonly sampling: SamplingProgress | null;
  readonly trainings: readonly OpenTraining[];
  readonly servers: readonly ServerLine[];
  /** Jobs that have not ended. */
  readonly jobs: readonly JobLine[];
  readonly results: readonly Result[];
  readonly events: readonly RunEvent[];
}

const SHOWN_EVENTS = 8;

/** Reads a run's overview; a job's files that this machine does not see are left out. */
export async function readOverview(database: Queryable, dataFolder: string, row: RunRow): Promise<RunOverview> {
  const { recipe, ...run } = row;
  const [sampling, progress, jobs, servers, models, events] = await Promise.all([
    samplingProgress(database, row),
    lastProgress(database, dataFolder, run.run),
    jobsOf(database, run.run),
    serversOf(database, run.run),
    results(database, run.run),
    lastEvents(database, run.run, SHOWN_EVENTS),
  ]);
  const open = jobs.filter(({ endedAt }) => endedAt === null);
  const trainings = await Promise.all(
    open
      .filter(({ kind }) => kind === 'training')
      .map(async ({ key, folder }) => ({ key, progress: await readProgress(resolve(dataFolder, folder)) })),
  );
  return {
    run,
    iterations: recipe.iterations,
    progress,
    sampling,
    trainings,
    servers,
    jobs: open,
    results: models,
    events,
  };
}
