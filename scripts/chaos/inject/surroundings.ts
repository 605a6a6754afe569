import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { iterationFolder } from '../../../workflows/contract/ids.ts';
import { killJob } from './kills.ts';
import type { Inject, Target } from './target.ts';

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

/** How long an export is left without room once it was seen to fail, and how long that is waited for; milliseconds. */
const WITHOUT_ROOM = 3_000;
const UNTIL_SEEN = 120_000;

/**
 * The folder of the coming training set is a file system of one page, in which no set has room, until the export has
 * failed for it. Needs the right to mount.
 */
export const fillDisk: Inject = async (target) => {
  const { world, run, where } = target;
  const folder = join(world.data, iterationFolder({ run, arm: where.arm, iteration: where.iteration }), 'train');
  if (existsSync(join(folder, 'manifest.json'))) return null;
  mkdirSync(folder, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'thoughtloop-full', folder], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0)
    throw new Error(`Expected to be allowed to mount ${folder}, found: ${mounted.stderr.trim()}`);
  target.later(
    leftPhase(target)
      .then(() => sleep(WITHOUT_ROOM))
      .finally(() => spawnSync('umount', ['-l', folder])),
  );
  return folder;
};

/** Resolves once the run is no longer in the phase in which the fault was put in. */
async function leftPhase({ world, run, where }: Target): Promise<void> {
  for (const end = Date.now() + UNTIL_SEEN; Date.now() < end; await sleep(200)) {
    const { rows } = await world.database
      .query<{ phase: string }>('select phase from runs where run = $1', [run])
      .catch(() => ({ rows: [{ phase: where.phase }] }));
    if (rows[0]?.phase !== where.phase) return;
  }
}
