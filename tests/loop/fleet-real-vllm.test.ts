import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ActivityCancellationDetails, type ApplicationFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { createClusterActivities } from '../../activities/clusters/activities.ts';
import { openDatabase } from '../../activities/store/pool.ts';
import type { SuperviseServerInput } from '../../workflows/contract/activities.ts';
import { activityEnvironment } from '../support/activity-environment.ts';
import { isRunning } from '../support/cluster-contract.ts';
import { eventually } from '../support/eventually.ts';
import { killProcess } from '../support/kill-process.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { runActivity } from '../support/run-activity.ts';
import { makeTinyBase } from '../support/tiny-checkpoint.ts';

const PYTHON = process.env['THOUGHTLOOP_PYTHON'];
const FLEET = 'run/i1/fleet';

/** Ids of the processes of a session, the runner of a job first. */
function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
  return [pid, ...children.flatMap(descendants)];
}

test.skipIf(PYTHON === undefined)(
  'a real server is admitted, replaced when it is killed, and gone without a trace when its fleet ends (set THOUGHTLOOP_PYTHON to run)',
  async () => {
    const testDatabase = await createTestDatabase();
    const database = openDatabase(testDatabase.url);
    const data = mkdtempSync(join(tmpdir(), 'thoughtloop-real-'));
    const activities = createClusterActivities({ database, dataFolder: data, python: PYTHON ?? '' });
    try {
      const checkpoint = await makeTinyBase(database, activities, data, 'run');
      const input: SuperviseServerInput = {
        place: { run: 'run', arm: 'latent', iteration: 1 },
        fleet: FLEET,
        slot: 0,
        checkpoint,
        servedModel: 'run-i1-tiny',
        settings: {
          servers: 1,
          cluster: 'process',
          dtype: 'float32',
          maxNumSeqs: 16,
          maxModelLen: null,
          kvCacheGigabytes: 1,
          prefixCaching: false,
          arguments: [],
          startTimeoutSeconds: 300,
        },
      };
      const ready = (generation: number): Promise<true> =>
        eventually(
          `generation ${generation} is ready`,
          async () => {
            const { rows } = await database.query<{ state: string; generation: number }>('select * from servers');
            return rows[0]?.generation === generation && rows[0].state === 'ready';
          },
          300,
        );
      const processes = (generation: number): number[] => {
        const folder = join(data, `runs/run/i1/servers/fleet/0/g${generation}`);
        return descendants((JSON.parse(readFileSync(join(folder, 'job.json'), 'utf8')) as { pid: number }).pid);
      };
      const typeOf = (end: Promise<unknown>): Promise<string> =>
        end.then(
          () => 'no failure',
          (error: ApplicationFailure) => error.type ?? error.name,
        );

      const first = typeOf(runActivity(activities, 'superviseServer', input));
      await ready(0);
      const [, launcher, ...engine] = processes(0);
      expect(engine.length).toBeGreaterThan(0);
      killProcess(launcher);
      expect(await first).toBe('ServerLost');
      await eventually('vLLM is gone with its launcher', () => !engine.some(isRunning));

      const environment = activityEnvironment();
      const second = typeOf(runActivity(activities, 'superviseServer', input, environment));
      await ready(1);
      const all = processes(1);
      environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
      expect(await second).toBe('CancelledFailure');
      expect(all.filter(isRunning)).toEqual([]);
    } finally {
      await runActivity(activities, 'releaseFleet', { fleet: FLEET });
      await database.end();
      await testDatabase.drop();
      rmSync(data, { recursive: true, force: true });
    }
  },
);
