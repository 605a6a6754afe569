import { setTimeout as sleep } from 'node:timers/promises';
import { findRun, type RunRow } from '../../../activities/store/runs.ts';
import { tellRun, type Word } from '../../run/operator-word.ts';
import type { World } from '../world.ts';
import type { Inject } from './target.ts';

const PAUSED_MILLISECONDS = 2_000;
const MOST_MILLISECONDS = 120_000;

/** The operator pauses the run, and resumes it. */
export const pauseAndResume: Inject = async ({ world, run }) => {
  if (!(await tell(world, run, 'pause'))) return null;
  await sleep(PAUSED_MILLISECONDS);
  await persistently(() => tell(world, run, 'resume'));
  return 'and resumed';
};

/** The operator cancels the run, and starts it again. */
export function cancelAndStart(start: () => Promise<void>): Inject {
  return async ({ world, run }) => {
    if (!(await tell(world, run, 'cancel'))) return null;
    await persistently(async () => (await findRun(world.database, run))?.status === 'Canceled');
    await persistently(async () => {
      await start();
      return true;
    });
    return 'and started again';
  };
}

async function tell(world: World, run: string, word: Word): Promise<boolean> {
  const row = await findRun(world.database, run);
  if (row === null || row.endedAt !== null) return false;
  await tellRun(world.data, row satisfies RunRow, word);
  return true;
}

/** Does something until it is done: another fault may be at work. @throws what it failed with last */
async function persistently(attempt: () => Promise<boolean>): Promise<void> {
  let last: unknown = new Error(`Expected it to be done within ${MOST_MILLISECONDS / 1_000} s`);
  for (const end = Date.now() + MOST_MILLISECONDS; Date.now() < end; await sleep(200)) {
    try {
      if (await attempt()) return;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
