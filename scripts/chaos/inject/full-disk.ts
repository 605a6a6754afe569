import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from '../../../activities/store/pool.ts';
import { findRun } from '../../../activities/store/runs.ts';
import { findTrainingSet } from '../../../activities/store/training-sets.ts';
import type { FailureType } from '../../../workflows/contract/failures.ts';
import { iterationFolder, iterationWorkflowId, type Place } from '../../../workflows/contract/ids.ts';
import { withTemporal } from '../../run/temporal-client.ts';
import { poll } from '../../stack/deadline.ts';
import type { Inject } from './target.ts';

/** How long an export is left without room once it has failed for it, milliseconds. */
const WITHOUT_ROOM = 3_000;

/** How long an export is waited for: the rest of an E-step, under other faults, milliseconds. */
const UNTIL_MET = 900_000;

const LOOK_MILLISECONDS = 500;

const DISK_FULL: FailureType = 'DiskFull';

const MOUNTS = '/proc/self/mounts';

/** What the file system without room is called in the list of mounts. */
const SOURCE = 'thoughtloop-full';

/**
 * The folder of the coming training set is a file system of one page, in which no set has room, until the export has
 * failed for it, as Temporal tells. Needs the right to mount.
 */
export const fillDisk: Inject = async ({ world, run, where, countsOnce }) => {
  const place = { run, arm: where.arm, iteration: where.iteration };
  const folder = join(world.data, iterationFolder(place), 'train');
  if (existsSync(join(folder, 'manifest.json')) || mounts().includes(folder)) return null;
  mkdirSync(folder, { recursive: true });
  const before = await wantOfRoom(world.data, place);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', SOURCE, folder], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0)
    throw new Error(`Expected to be allowed to mount ${folder}, found: ${mounted.stderr.trim()}`);
  countsOnce(
    untilMet(
      async () => {
        const failure = await wantOfRoom(world.data, place);
        return failure !== undefined && failure !== before;
      },
      () => isPast(world.database, place),
    )
      .then(async (met) => {
        if (met) await sleep(WITHOUT_ROOM);
        return met;
      })
      .finally(() => spawnSync('umount', ['-l', folder])),
  );
  return folder;
};

/** The list of mounts; empty on a system that has none to read. */
const mounts = (): string => (existsSync(MOUNTS) ? readFileSync(MOUNTS, 'utf8') : '');

/** Takes away every file system without room in a data folder. */
export function giveRoom(data: string): void {
  for (const line of mounts().split('\n')) {
    const [source, folder] = line.split(' ');
    if (source === SOURCE && folder?.startsWith(`${data}/`)) spawnSync('umount', ['-l', folder]);
  }
}

/** Whether the set of a place is there, or its run does nothing more. */
async function isPast(database: Queryable, place: Place): Promise<boolean> {
  if ((await findTrainingSet(database, place)) !== null) return true;
  const status = (await findRun(database, place.run))?.status;
  return status === 'Completed' || status === 'Failed' || status === 'Parked';
}

/** @returns false where it is past without having been met, or the time is over */
export async function untilMet(
  met: () => Promise<boolean>,
  past: () => Promise<boolean>,
  limit = UNTIL_MET,
): Promise<boolean> {
  const outcome = await poll(
    async () => {
      if (await met()) return true;
      return (await past()) ? false : undefined;
    },
    limit,
    LOOK_MILLISECONDS,
  );
  return 'answer' in outcome && outcome.answer;
}

/**
 * What the last attempt of the export that is tried at present failed for, where that was room; every attempt writes a
 * file of another name, so that two failures differ. Undefined where Temporal is away, too.
 */
async function wantOfRoom(dataFolder: string, place: Place): Promise<string | undefined> {
  try {
    return await withTemporal(dataFolder, async (client) => {
      const { raw } = await client.workflow.getHandle(iterationWorkflowId(place)).describe();
      const failures = (raw.pendingActivities ?? []).map(({ lastFailure }) => lastFailure);
      return failures.find((failure) => failure?.applicationFailureInfo?.type === DISK_FULL)?.message ?? undefined;
    });
  } catch {
    return undefined;
  }
}
