import { setTimeout as sleep } from 'node:timers/promises';
import { Runtime } from '@temporalio/worker';
import { lastProgress } from '../activities/report/queries/last-progress.ts';
import type { StoreAndFolder } from '../activities/store/data-folder.ts';

/** Time between two looks, milliseconds. */
const LOOK_MS = 15_000;

/** Prometheus gauge: seconds since a run last got on, by `run`; 0 for one that is paused, parked or over. */
export const PROGRESS_GAUGE = 'thoughtloop_seconds_since_progress';

/** Keeps the gauge until `stop` fires. What cannot be read is logged: the gauge then stays as it was. */
export async function keepProgressGauge({ database, dataFolder }: StoreAndFolder, stop: AbortSignal): Promise<void> {
  const { logger, metricMeter } = Runtime.instance();
  const gauge = metricMeter.createGauge(PROGRESS_GAUGE, 'float', 's', 'Time since a run last made progress');
  const shown = new Set<string>();
  while (!stop.aborted) {
    try {
      const { rows } = await database.query<{ run: string }>(`select run from runs where status = 'Running'`);
      const running = new Set(rows.map(({ run }) => run));
      for (const run of running) {
        const { seconds } = await lastProgress(database, dataFolder, run);
        gauge.set(seconds, { run });
        shown.add(run);
      }
      for (const run of shown) {
        if (running.has(run)) continue;
        gauge.set(0, { run });
        shown.delete(run);
      }
    } catch (error) {
      if (!stop.aborted) logger.warn('could not read the progress of runs', { error });
    }
    await sleep(LOOK_MS, undefined, { signal: stop, ref: false }).catch(() => undefined);
  }
}
