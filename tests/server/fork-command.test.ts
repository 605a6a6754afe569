import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { importFile } from '../../activities/corpus/import.ts';
import { createRecordActivities } from '../../activities/record/activities.ts';
import { BASE_ARM, recordCheckpoint } from '../../activities/store/checkpoints.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { writeMicro } from '../../scripts/corpora/micro.ts';
import { thoughtloop, type CommandResult } from '../support/command-line.ts';
import { writeDoneMarker } from '../support/done-marker.ts';
import { FakeActivities } from '../support/fake-activities.ts';
import { startFakeWorkers } from '../support/fake-workers.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { writeToyModel } from '../support/toy-model.ts';

const RECIPE = fileURLToPath(new URL('../../deploy/recipes/micro.toml', import.meta.url));

let store: TestDatabase;
let database: Database;
let temporal: TestTemporal;
let stopWorkers: () => Promise<void>;
let folder: string;
let fake: FakeActivities;

beforeAll(async () => {
  [store, temporal] = await Promise.all([createTestDatabase(), startTestTemporal()]);
  database = openDatabase(store.url);
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-fork-'));
  await writeMicro(join(folder, 'micro'));
  for (const split of ['teacher', 'em', 'held-out']) {
    await importFile(database, { file: join(folder, 'micro', `${split}.jsonl`), corpus: 'micro', split });
  }
  const record = createRecordActivities({ database, dataFolder: join(folder, 'data'), python: 'python3' });
  stopWorkers = await startFakeWorkers({ address: temporal.address, fake: () => fake, instead: record });
  fake = new FakeActivities();
  const source = await command(
    ...['start', RECIPE, '--var', `data=${join(folder, 'micro')}`, '--watch'],
    ...['--set', 'name=source', '--set', 'arms=[]', '--set', 'iterations=2'],
  );
  if (source.code !== 0) throw new Error(source.stderr);
  await makeModel(BASE_ARM, 0);
  for (const iteration of [0, 1, 2]) await makeModel('latent', iteration);
});

afterAll(async () => {
  await stopWorkers();
  await database.end();
  await Promise.all([store.drop(), temporal.stop()]);
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  fake = new FakeActivities();
});

const command = (...args: readonly string[]): Promise<CommandResult> =>
  thoughtloop(args, {
    DATABASE_URL: store.url,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_CONFIG_FILE: join(folder, 'none.toml'),
    THOUGHTLOOP_DATA: join(folder, 'data'),
  });

/** The files and the row that a training leaves, which the fake activities do not. */
async function makeModel(arm: string, iteration: number): Promise<void> {
  const [data, place] = [join(folder, 'data'), join('runs', 'source', `${arm}-${iteration}`)];
  await writeToyModel(join(data, place), { seed: iteration + 1 });
  const checkpoint = writeDoneMarker(data, place, `source/${arm}/${iteration}`);
  const result = { checkpoint, steps: 1, tokens: 1, loss: 1, seconds: 1 };
  await recordCheckpoint(database, { run: 'source', arm, iteration }, 0, result);
}

const fork = (name: string, iteration: number, ...more: readonly string[]): Promise<CommandResult> =>
  command('fork', 'source', '--from-iteration', String(iteration), '--name', name, ...more);

test('a fork does what comes after the iteration it is forked from, from its model, and nothing before', async () => {
  const forked = await fork('wider', 1, '--set', 'e-step.samples=8', '--watch');
  expect(forked.stderr).toContain('Run wider started.');
  expect(forked.code, forked.stderr).toBe(0);
  const work = fake.calls.filter((call) => !call.startsWith('superviseServer'));
  expect(work.filter((call) => / (latent|base)\/[01]|submitBase|\/i[01]\//.test(call))).toEqual([]);
  expect(work).toContain('planEStep latent/2');
  // Micro's M-steps train on from M_0, which is the source's.
  expect(work).toContain('submitTraining latent/2 from source/latent/0');
});

test('the same fork again finds the run, and another of that name is refused with the difference', async () => {
  await fork('once', 1, '--set', 'e-step.samples=8', '--watch');
  const calls = fake.calls.length;
  const again = await fork('once', 1, '--set', 'e-step.samples=8');
  expect(again.code).toBe(0);
  expect(again.stderr).toContain('is over (Completed)');
  expect(fake.calls).toHaveLength(calls);
  const other = await fork('once', 0, '--set', 'e-step.samples=8');
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('fork of source after iteration 1 → fork of source after iteration 0');
});

test('a fork of a fork shares what both share, and the list, status and report say whose it is', async () => {
  expect((await fork('first', 1, '--watch')).code).toBe(0);
  expect((await command('list')).stdout).toContain('source after iteration 1');
  const second = await command('fork', 'first', '--from-iteration', '1', '--name', 'second', '--watch');
  expect(second.code, second.stderr).toBe(0);
  const status = await command('status', 'second');
  expect(status.stdout).toContain('first after iteration 1');
  expect(status.stdout).toContain('M_1 latent of source');
  expect((await command('report', 'second')).code).toBe(0);
});

test.each([
  ['an iteration that is not finished', ['source', '--from-iteration', '7'], '0, 1, 2 finished'],
  ['a run that is not there', ['nobody', '--from-iteration', '1'], 'nobody'],
  ['another base model', ['source', '--from-iteration', '1', '--set', 'model.hidden=128'], 'the base model is shared'],
  ['other cuts', ['source', '--from-iteration', '1', '--set', 'segmentation.kind=paragraph'], 'segmentation'],
  ['nothing to do', ['source', '--from-iteration', '2'], '--set iterations=3'],
])('%s is refused before anything is written', async (_, args, words) => {
  const refused = await command('fork', ...args, '--name', 'refused');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(words);
  const { rows } = await database.query(`select run from runs where run = 'refused'`);
  expect(rows).toEqual([]);
});

test('a change of the science on a parked run is refused with the fork that goes on with it', async () => {
  fake.failNext('finishEStep', 'CorpusInvalid');
  const parked = await fork('stuck', 1, '--watch');
  expect(parked.code).toBe(4);
  const science = await command('decide', 'stuck', 'retry', '--set', 'e-step.samples=8');
  expect(science.code).toBe(2);
  expect(science.stderr).toContain('thoughtloop fork stuck --from-iteration 1 --name NAME --set e-step.samples=8');
});

test('a damaged model is not forked from', async () => {
  await rm(join(folder, 'data', 'runs', 'source', 'latent-2', 'model', 'toy.json'));
  const refused = await fork('broken', 2, '--set', 'iterations=3');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('toy.json');
});
