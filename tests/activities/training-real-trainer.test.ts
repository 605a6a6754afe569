import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createClusterActivities } from '../../activities/clusters/activities.ts';
import { buildTrainingSet } from '../../activities/m-step/training-set.ts';
import { readProgress } from '../../activities/m-step/progress.ts';
import { verifyCheckpoint } from '../../activities/m-step/verify-checkpoint.ts';
import { openDatabase } from '../../activities/store/pool.ts';
import { eventually } from '../support/eventually.ts';
import { killProcess } from '../support/kill-process.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { runActivity } from '../support/run-activity.ts';
import { makeTinyBase, TINY_CORPUS } from '../support/tiny-checkpoint.ts';
import { TINY_TRAINING } from '../support/tiny-settings.ts';

const PYTHON = process.env['THOUGHTLOOP_PYTHON'];

test.skipIf(PYTHON === undefined)(
  'the real trainer, killed in the middle, ends with its checkpoint (set THOUGHTLOOP_PYTHON to run)',
  async () => {
    const testDatabase = await createTestDatabase();
    const database = openDatabase(testDatabase.url);
    const data = mkdtempSync(join(tmpdir(), 'thoughtloop-real-'));
    const dependencies = { database, dataFolder: data, python: PYTHON ?? '' };
    const activities = createClusterActivities(dependencies);
    try {
      const init = await makeTinyBase(database, activities, data, 'run');
      const place = { run: 'run', arm: 'latent', iteration: 0 };
      const common = { place, corpus: TINY_CORPUS, segmentation: { kind: 'whole' } } as const;
      const trainingSet = await buildTrainingSet(
        dependencies,
        { ...common, source: { kind: 'teacher' }, checkpoint: init },
        () => undefined,
      );
      const job = await runActivity(activities, 'submitTraining', {
        place,
        trial: 0,
        generation: 0,
        cluster: 'process',
        seed: 3,
        init,
        trainingSet,
        prefixChunks: 3,
        settings: TINY_TRAINING,
      });
      const waiting = runActivity(activities, 'awaitJob', job);
      const folder = join(data, 'runs/run/i0/m/latent-0');
      const step = await eventually(
        'a step past the first checkpoint',
        async () => {
          const progress = await readProgress(join(folder, 'g0'));
          return progress !== null && progress.step > 20 && progress.step;
        },
        180,
      );
      const { pid } = JSON.parse(readFileSync(join(folder, 'g0', 'job.json'), 'utf8')) as { pid: number };
      expect(step).toBeLessThan(200);
      const [trainer] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      killProcess(trainer);
      const result = await waiting;
      expect(result.steps).toBe(200);
      expect(result.loss).toBeLessThan(3);
      expect(readdirSync(join(folder, 'g0'))).toContain('r1');
      await verifyCheckpoint(data, result.checkpoint);
    } finally {
      await runActivity(activities, 'cancelJob', { key: 'run/i0/m/latent-0/g0', cluster: 'process' });
      await database.end();
      await testDatabase.drop();
      rmSync(data, { recursive: true, force: true });
    }
  },
  // On a machine shared with other tests the trainer takes a minute.
  300_000,
);
