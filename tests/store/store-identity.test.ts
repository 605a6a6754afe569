import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ApplicationFailure } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCorpusActivities } from '../../activities/corpus/activities.ts';
import { importFile } from '../../activities/corpus/import.ts';
import { createRecordActivities } from '../../activities/record/activities.ts';
import { recordCheckpoint } from '../../activities/store/checkpoints.ts';
import { adoptStore, examineStore, joinStore, keepRevision } from '../../activities/store/data-folder.ts';
import type { FolderFile } from '../../activities/store/folder-file.ts';
import { bumpRevision, readIdentity } from '../../activities/store/identity.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { copyDatabase } from '../support/database-copy.ts';
import { writeDoneMarker } from '../support/done-marker.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { insertRun } from '../support/run-row.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';
import { writeToyModel } from '../support/toy-model.ts';

const place = { run: 'r', arm: 'latent', iteration: 1 };
const corpus = { name: 'c', split: 'em' };
const segmentation = { kind: 'whole' } as const;
const { seed, fidelity, eStep: settings } = tinyRecipe();

let root: string;
let dataFolder: string;
let store: TestDatabase;
let database: Database;
let checkpoint: CheckpointRef;
const opened: TestDatabase[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'thoughtloop-identity-'));
  dataFolder = join(root, 'data');
  store = await newDatabase();
  database = openDatabase(store.url);
  await writeToyModel(join(dataFolder, 'base'));
  checkpoint = writeDoneMarker(dataFolder, 'base', 'k');
  const file = join(root, 'em.jsonl');
  writeFileSync(file, '{"text": "ab"}\n{"text": "cd"}\n');
  await importFile(database, { file, ...{ corpus: 'c', split: 'em' } });
  await insertRun(database, 'r');
});

afterEach(async () => {
  await database.end();
  for (const made of opened.splice(0)) await made.drop();
  rmSync(root, { recursive: true });
});

async function newDatabase(): Promise<TestDatabase> {
  const made = await createTestDatabase();
  opened.push(made);
  return made;
}

/** Takes a backup of the database, as `restore` gives it back. */
async function backUp(): Promise<TestDatabase> {
  await database.end();
  const copy = await copyDatabase(store);
  opened.push(copy);
  database = openDatabase(store.url);
  return copy;
}

async function restore(backup: TestDatabase): Promise<void> {
  await database.end();
  database = openDatabase(backup.url);
}

const fileOf = (folder = dataFolder): FolderFile =>
  JSON.parse(readFileSync(join(folder, 'store.json'), 'utf8')) as FolderFile;

const pair = (folder = dataFolder): { database: Database; dataFolder: string } => ({ database, dataFolder: folder });
const fitOf = async (folder = dataFolder): Promise<string> => (await examineStore(pair(folder))).fit.kind;

const dependencies = (folder = dataFolder): { database: Database; dataFolder: string; python: string } => ({
  ...pair(folder),
  python: 'none',
});
const record = (folder = dataFolder): ReturnType<typeof createRecordActivities> =>
  createRecordActivities(dependencies(folder));

const running = { ...place, status: 'Running', phase: 'e-step', cause: null } as const;
const cause = { type: 'StoreBehind', message: 'm', remedy: 'r', workflow: 'r/i1' };
const parked = { ...running, status: 'Parked', cause } as const;
const closed = { place, checkpoints: [], trainingSet: null, eStep: null };

const plan = (): Promise<unknown> =>
  new MockActivityEnvironment().run(createCorpusActivities(dependencies()).planEStep, {
    ...{ place, corpus, segmentation, seed, fidelity, settings, checkpoint },
  });
const build = (): Promise<unknown> =>
  new MockActivityEnvironment().run(createCorpusActivities(dependencies()).buildTrainingSet, {
    ...{ place, corpus, segmentation, checkpoint, source: { kind: 'raw' } as const },
  });

const failureOf = (work: Promise<unknown>): Promise<ApplicationFailure> =>
  work.then(
    () => expect.unreachable('expected a failure'),
    (error: unknown) => error as ApplicationFailure,
  );

/** Everything that steps write. */
async function written(): Promise<unknown> {
  const tables = ['runs', 'events', 'iterations', 'e_steps', 'training_sets', 'checkpoints', 'cuts'];
  return Promise.all(tables.map(async (table) => (await database.query<object>(`select * from ${table}`)).rows));
}

describe('a database and a data folder', () => {
  test('that are new get to know each other at their first use, and fit from then on', async () => {
    expect(await fitOf()).toBe('new');
    await joinStore(pair());
    expect(await fitOf()).toBe('fits');
    const identity = await readIdentity(database);
    expect(identity).toMatchObject({ folderPath: dataFolder, folderHost: hostname() });
    expect(fileOf()).toMatchObject({ store: identity.store, folder: identity.folder });
  });

  test('that two use at once for the first time are married once', async () => {
    const folders = ['one', 'two', 'one', 'two'].map((name) => join(root, name));
    const kinds = await Promise.all(folders.map(async (folder) => (await joinStore(pair(folder))).fit.kind));
    expect(new Set(kinds)).toEqual(new Set(['fits', 'other-folder']));
    expect([join(root, 'one'), join(root, 'two')].filter((folder) => existsSync(folder))).toHaveLength(1);
  });

  test('stay together where the first use was cut off between file and database', async () => {
    await joinStore(pair());
    const { store: id } = fileOf();
    await database.query(
      'update store_identity set store = null, folder = null, folder_path = null, folder_host = null',
    );
    await joinStore(pair());
    expect((await readIdentity(database)).store).toBe(id);
  });

  test('stay together where the folder is moved, not where it is copied', async () => {
    await joinStore(pair());
    const moved = join(root, 'moved');
    renameSync(dataFolder, moved);
    expect((await joinStore(pair(moved))).fit.kind).toBe('fits');
    expect((await readIdentity(database)).folderPath).toBe(moved);
    const copy = join(root, 'copy');
    cpSync(moved, copy, { recursive: true });
    expect((await joinStore(pair(copy))).complaint).toMatchObject({
      type: 'StoreMismatch',
      found: expect.stringContaining(`${copy} and ${moved}`) as string,
    });
  });
});

describe('the revision', () => {
  test('rises with each milestone, in the folder too', async () => {
    await joinStore(pair());
    const revisions: number[] = [];
    for (const milestone of [
      () => record().recordProgress(running),
      plan,
      build,
      () => record().recordIteration(closed),
      async () => {
        await recordCheckpoint(database, place, 0, { checkpoint, steps: 1, tokens: 1, loss: 1, seconds: 1 });
        await keepRevision(pair());
      },
    ]) {
      await milestone();
      revisions.push(fileOf().revision);
      expect(fileOf().revision).toBe((await readIdentity(database)).revision);
    }
    expect(revisions).toEqual([1, 2, 3, 4, 5]);
  });

  test('is never lowered in the folder, however many raise it at once', async () => {
    await joinStore(pair());
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        await bumpRevision(database);
        await keepRevision(pair());
      }),
    );
    expect(fileOf().revision).toBe(20);
    await keepRevision(pair());
    expect(fileOf().revision).toBe(20);
  });
});

describe('a database restored from a backup', () => {
  test('is refused by every step before it writes, for good, so that the step parks', async () => {
    await joinStore(pair());
    const backup = await backUp();
    await record().recordProgress(running);
    await restore(backup);
    const before = await written();
    for (const step of [
      () => record().recordProgress(running),
      () => record().recordIteration(closed),
      plan,
      build,
      () =>
        new MockActivityEnvironment().run(createCorpusActivities(dependencies()).finishEStep, { eStep: 1, settings }),
    ]) {
      const failed = await failureOf(step());
      expect(failed).toMatchObject({ type: 'StoreBehind', nonRetryable: true });
      expect(failed.message).toMatch(/at revision 1 or later.*found revision 0.*Restore a newer backup/);
    }
    expect(await written()).toEqual(before);
    expect(existsSync(join(dataFolder, 'runs'))).toBe(false);
  });

  test('is not told that a run stopped before it may be written: that is tried again until it may', async () => {
    await joinStore(pair());
    const backup = await backUp();
    await record().recordProgress(running);
    await restore(backup);
    const before = await written();
    for (const note of [
      () => record().recordProgress(parked),
      () => record().recordEvent({ run: 'r', kind: 'decided', message: 'retry' }),
      () => record().recordPause({ run: 'r', paused: true }),
    ]) {
      expect(await failureOf(note())).toMatchObject({ type: 'StoreBehind', nonRetryable: false });
    }
    expect(await written()).toEqual(before);
    await restore(store);
    await record().recordProgress(parked);
    const { rows } = await database.query(`select status, cause->>'type' as type from runs where run = 'r'`);
    expect(rows).toEqual([{ status: 'Parked', type: 'StoreBehind' }]);
  });

  test('that does not know the run any more is named too', async () => {
    await database.query('delete from runs');
    expect(await failureOf(record().recordProgress(running))).toMatchObject({
      type: 'StoreBehind',
      message: expect.stringContaining('thoughtloop start') as string,
    });
  });

  test('is gone on from once it is adopted, gives no E-step the number of a lost one, and no set is written over', async () => {
    await joinStore(pair());
    const backup = await backUp();
    const planned = (await plan()) as { eStep: number };
    const set = (await build()) as { folder: string };
    const part = join(dataFolder, set.folder, 'part-00000.jsonl.zst');
    const bytes = readFileSync(part);
    await restore(backup);
    expect(await fitOf()).toBe('behind');
    await adoptStore(pair());
    expect(await fitOf()).toBe('fits');
    expect(((await plan()) as { eStep: number }).eStep).toBeGreaterThan(planned.eStep + 1_000);
    expect(await build()).toEqual(set);
    expect(readFileSync(part)).toEqual(bytes);
    // The newer state is another database from now on: it does not know what was made since.
    await restore(store);
    expect(await fitOf()).toBe('other-database');
  });

  test('within an E-step has lost shards that the workflow holds for finished, which is said as such', async () => {
    await plan();
    const { rows } = await database.query<{ eStep: number }>('select e_step as "eStep" from e_steps');
    const finish = createCorpusActivities(dependencies()).finishEStep;
    const finishing = (eStep: number): Promise<unknown> =>
      new MockActivityEnvironment().run(finish, { eStep, settings });
    expect(await failureOf(finishing(rows[0]!.eStep))).toMatchObject({ type: 'StoreBehind', nonRetryable: true });
    expect((await failureOf(finishing(99))).type).toBe('StoreBehind');
  });
});

describe('a database and a data folder that do not belong together', () => {
  test('another folder on the database is refused with where its own was seen, until it is adopted', async () => {
    await joinStore(pair());
    const other = join(root, 'other');
    const failed = await failureOf(record(other).recordProgress(running));
    expect(failed).toMatchObject({ type: 'StoreMismatch', nonRetryable: true });
    expect(failed.message).toContain(`last seen at ${dataFolder} on ${hostname()}`);
    expect(failed.message).toContain(`found ${other}, without the store.json`);
    expect(existsSync(other)).toBe(false);
    await adoptStore(pair(other));
    await record(other).recordProgress(running);
    expect(await fitOf()).toBe('other-database');
  });

  test('a new database beside a used folder, and a folder of another database, are refused', async () => {
    await joinStore(pair());
    await record().recordProgress(running);
    await restore(await newDatabase());
    expect((await joinStore(pair())).complaint).toMatchObject({
      type: 'StoreMismatch',
      found: expect.stringContaining('never used with it') as string,
    });
    await joinStore(pair(join(root, 'other')));
    expect(await fitOf()).toBe('other-database');
  });

  test('a store.json that is none is refused, and left as it is', async () => {
    await joinStore(pair());
    writeFileSync(join(dataFolder, 'store.json'), '{"version": 2}');
    expect(await failureOf(record().recordProgress(running))).toMatchObject({ type: 'StoreMismatch' });
    expect(readFileSync(join(dataFolder, 'store.json'), 'utf8')).toBe('{"version": 2}');
  });
});
