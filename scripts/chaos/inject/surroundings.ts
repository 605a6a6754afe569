import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { killJob } from './kills.ts';
import type { Inject } from './target.ts';

const MOST_HOURS = 3;

/** The wall clock of every Node process jumps, forward or back. */
export const jumpClock: Inject = async ({ world, draw }) => {
  const minutes = (draw % (2 * 60 * MOST_HOURS) || 1) - 60 * MOST_HOURS;
  writeFileSync(world.files.clock, String(minutes * 60_000));
  return `${minutes} minutes from the true time`;
};

/** A server is killed, and the one that follows it serves weights of another checkpoint under the right name. */
export const staleWeights: Inject = async (target) => {
  const { world, run } = target;
  const { rows } = await world.database.query<{ folder: string }>(
    `select folder from checkpoints where run = $1 and arm = 'latent' order by iteration desc limit 1`,
    [run],
  );
  const folder = rows[0]?.folder;
  if (folder === undefined || existsSync(world.files.stale)) return null;
  const draft = `${world.files.stale}.draft`;
  rmSync(draft, { recursive: true, force: true });
  cpSync(join(world.data, folder, 'model'), join(draft, 'model'), { recursive: true });
  const file = join(draft, 'model', 'toy.json');
  const weights = JSON.parse(readFileSync(file, 'utf8')) as { seed: number };
  writeFileSync(file, JSON.stringify({ ...weights, seed: weights.seed + 1 }));
  renameSync(draft, world.files.stale);
  const killed = await killJob('server', 'program')(target);
  if (killed === null) rmSync(world.files.stale, { recursive: true, force: true });
  return killed;
};

/** The next submission of a training is accepted but answered too late. */
export const slowSubmission: Inject = async ({ world }) => {
  if (existsSync(world.files.slowSubmission)) return null;
  writeFileSync(world.files.slowSubmission, '');
  return 'of the next training';
};
