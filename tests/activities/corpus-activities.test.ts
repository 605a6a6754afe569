import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCorpusActivities } from '../../activities/corpus/activities.ts';
import { importFile } from '../../activities/corpus/import.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import type { BuildTrainingSetInput, PlanEStepInput } from '../../workflows/contract/activities.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { writeDoneMarker } from '../support/done-marker.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { insertRun } from '../support/run-row.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';
import { writeToyModel } from '../support/toy-model.ts';

const DOCUMENTS = 2_500;

let store: TestDatabase;
let database: Database;
let dataFolder: string;
let activities: ReturnType<typeof createCorpusActivities>;

const place = { run: 'r', arm: 'latent', iteration: 1 };
const corpus = { name: 'c', split: 'em' };
let checkpoint: CheckpointRef;
const segmentation = { kind: 'whole' } as const;

function plan(): PlanEStepInput {
  const { seed, fidelity, eStep: settings } = tinyRecipe();
  return { place, corpus, checkpoint, segmentation, seed, fidelity, settings };
}

const raw = (): BuildTrainingSetInput => ({ place, corpus, checkpoint, segmentation, source: { kind: 'raw' } });

beforeEach(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
  dataFolder = mkdtempSync(join(tmpdir(), 'thoughtloop-activities-'));
  await writeToyModel(join(dataFolder, 'base'));
  checkpoint = writeDoneMarker(dataFolder, 'base', 'k');
  const file = join(dataFolder, 'em.jsonl');
  writeFileSync(file, '{"text": "ab"}\n'.repeat(DOCUMENTS));
  await importFile(database, { file, corpus: 'c', split: 'em' });
  await insertRun(database, 'r');
  activities = createCorpusActivities({ database, dataFolder, python: 'python' });
});

afterEach(async () => {
  await database.end();
  await store.drop();
  rmSync(dataFolder, { recursive: true });
});

test('planning and writing beat from their first moment on', async () => {
  const beats: unknown[] = [];
  const environment = new MockActivityEnvironment();
  environment.on('heartbeat', (details) => beats.push(details));
  await environment.run(activities.planEStep, plan());
  expect(beats).toHaveLength(1);
  expect(await environment.run(activities.buildTrainingSet, raw())).toMatchObject({ documents: DOCUMENTS });
  expect(beats.length).toBeGreaterThanOrEqual(2);
});

test('planning and writing that take long say in the store how far they are', async () => {
  const eager = createCorpusActivities({ database, dataFolder, python: 'python' }, { progressMs: 0 });
  await new MockActivityEnvironment().run(eager.planEStep, plan());
  await new MockActivityEnvironment().run(eager.buildTrainingSet, raw());
  const told = await eventually('the last event', async () => {
    const { rows } = await database.query<{ message: string }>(
      `select message from events where run = 'r' and kind = 'progress'`,
    );
    return rows.some(({ message }) => message === 'writing: 2,500 done') && rows.map(({ message }) => message);
  });
  expect(told).toEqual(expect.arrayContaining(['cutting: 1,000 done', 'cutting: 2,500 done']));
});

test('ranges that are short each, but take long together, say so too', async () => {
  const eager = createCorpusActivities({ database, dataFolder, python: 'python' }, { progressMs: 0 });
  const range = { from: 0, to: 2_000 };
  await new MockActivityEnvironment().run(eager.cutDocuments, { place, corpus, segmentation, range });
  await new MockActivityEnvironment().run(eager.writeTrainingRange, { ...raw(), range });
  const told = await eventually('the last event', async () => {
    const { rows } = await database.query<{ message: string }>(
      `select message from events where run = 'r' and kind = 'progress'`,
    );
    return rows.some(({ message }) => message === 'writing from 0: 2,000 done') && rows.map(({ message }) => message);
  });
  expect(told).toEqual(expect.arrayContaining(['cutting from 0: 1,000 done', 'cutting from 0: 2,000 done']));
});

test('short ones do not', async () => {
  await new MockActivityEnvironment().run(activities.planEStep, plan());
  expect((await database.query(`select from events`)).rowCount).toBe(0);
});

test('a cancelled plan stops between batches and goes on when it is run again', async () => {
  const environment = new MockActivityEnvironment();
  environment.cancel();
  await expect(environment.run(activities.planEStep, plan())).rejects.toMatchObject({ name: 'CancelledFailure' });
  const { rows } = await database.query<{ count: number }>('select count(*) from cuts');
  expect(rows).toEqual([{ count: 1_000 }]);
  expect(await new MockActivityEnvironment().run(activities.planEStep, plan())).toMatchObject({ documents: DOCUMENTS });
});

test('a cancelled export leaves no set', async () => {
  await new MockActivityEnvironment().run(activities.planEStep, plan());
  const environment = new MockActivityEnvironment();
  environment.cancel();
  await expect(environment.run(activities.buildTrainingSet, raw())).rejects.toMatchObject({ name: 'CancelledFailure' });
  const { rows } = await database.query('select * from training_sets');
  expect(rows).toEqual([]);
  expect(await new MockActivityEnvironment().run(activities.buildTrainingSet, raw())).toMatchObject({
    chunks: DOCUMENTS,
  });
});

test('a set is not built with the tokenizer of a checkpoint that was changed', async () => {
  await new MockActivityEnvironment().run(activities.planEStep, plan());
  appendFileSync(join(dataFolder, 'base/model/tokenizer.json'), ' ');
  await expect(new MockActivityEnvironment().run(activities.buildTrainingSet, raw())).rejects.toMatchObject({
    type: 'CheckpointInvalid',
    message: expect.stringContaining('model/tokenizer.json') as string,
  });
});
