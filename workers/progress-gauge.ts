import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Runtime } from '@temporalio/worker';
import { lastProgress } from '../activities/report/queries/last-progress.ts';
import type { StoreAndFolder } from '../activities/store/data-folder.ts';

/** Time between two looks, milliseconds. */
const LOOK_MS = 15_000;

/** Prometheus gauge: seconds since a run last got on, by `run`; 0 for one that is paused, parked or over. */
export const PROGRESS_GAUGE = 'thoughtloop_seconds_since_progress';

/** Keeps the gauge until `stop` fires. */
export async function keepProgressGauge({ database, dataFolder }: StoreAndFolder, stop: AbortSignal): Promise<void> {
  const { logger, metricMeter } = Runtime.instance();
  const gauge = metricMeter.createGauge(PROGRESS_GAUGE, 'float', 's', 'Time since a run last made progress');
  await followProgress(
    {
      async look() {
        const { rows } = await database.query<{ run: string }>(`select run from runs where status = 'Running'`);
        const found = new Map<string, number>();
        for (const { run } of rows) found.set(run, (await lastProgress(database, dataFolder, run)).seconds);
        return found;
      },
      show: (run, seconds) => gauge.set(seconds, { run }),
      failed: (error) => void logger.warn('could not read the progress of runs', { error }),
      everyMs: LOOK_MS,
    },
    stop,
  );
}

/** What following the progress of runs needs. */
export interface ProgressPorts {
  /** Seconds since each running run last got on. */
  readonly look: () => Promise<ReadonlyMap<string, number>>;
  readonly show: (run: string, seconds: number) => void;
  /** Told what a look failed with. */
  readonly failed: (error: unknown) => void;
  /** Time between two looks, and between two showings, milliseconds. */
  readonly everyMs: number;
}

/**
 * Looks again and again until `stop` fires, and shows what was found. While a look fails or hangs, what is shown goes on
 * growing from the last one: a store that is away is no progress.
 */
export async function followProgress({ look, show, failed, everyMs }: ProgressPorts, stop: AbortSignal): Promise<void> {
  /** When each running run last got on, by this process's clock, milliseconds. */
  let known = new Map<string, number>();
  const showAll = (): void => known.forEach((at, run) => show(run, (performance.now() - at) / 1_000));
  const showing = setInterval(showAll, everyMs).unref();
  try {
    while (!stop.aborted) {
      try {
        const found = await look();
        for (const run of known.keys()) if (!found.has(run)) show(run, 0);
        known = new Map([...found].map(([run, seconds]) => [run, performance.now() - seconds * 1_000]));
        showAll();
      } catch (error) {
        if (!stop.aborted) failed(error);
      }
      await sleep(everyMs, undefined, { signal: stop, ref: false }).catch(() => undefined);
    }
  } finally {
    clearInterval(showing);
  }
}
