import { performance } from 'node:perf_hooks';
import type { Queryable } from './pool.ts';
import { writeEvent } from './progress.ts';

/** Kind of the events by which a long step says how far it is. */
export const STEP_PROGRESS = 'progress';

/** Time between two of them, milliseconds: under the ten minutes after which a run counts as making no progress. */
const EVERY_MS = 300_000;

/**
 * For steps that leave nothing else in the store until their end: writes now and again how far they are, the first time
 * when a step has taken so long.
 *
 * @param failed told where that could not be written; the step goes on
 * @returns to be called whenever the step got on, with what it does and how far it is
 */
export function stepProgress(
  database: Queryable,
  run: string,
  failed: (error: unknown) => void,
  everyMs = EVERY_MS,
): (doing: string, done: number) => void {
  let last = performance.now();
  return (doing, done) => {
    if (performance.now() - last < everyMs) return;
    last = performance.now();
    writeEvent(database, run, STEP_PROGRESS, `${doing}: ${done.toLocaleString('en-US')} done`).catch(failed);
  };
}
