import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createSamplingActivities } from '../../activities/e-step/activities.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import type { SampleShardInput } from '../../workflows/contract/activities.ts';
import { eventually } from '../support/eventually.ts';
import { FakeVllmServer } from '../support/fake-vllm-server.ts';
import { E_STEP, plannedEStep } from '../support/planned-e-step.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { writeToyModel } from '../support/toy-model.ts';

const CHUNKS = 120;
const DOCUMENTS = Array.from({ length: CHUNKS / 2 }, () => ({ chunks: ['abc d', 'ba'] }));

let folder: string;
let test: TestDatabase;
let database: Database;
let fake: FakeVllmServer;
let input: SampleShardInput;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-sampling-'));
  await writeToyModel(join(folder, 'base'), { favour: 3 });
  await writeToyModel(join(folder, 'other'), { favour: 3, seed: 2 });
});

afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  test = await createTestDatabase();
  database = openDatabase(test.url);
  input = { ...(await plannedEStep(database, DOCUMENTS)), checkpoint: { key: 'k', digest: 'd', folder: 'base' } };
  fake = await start('base');
  await list(0, fake);
});

afterEach(async () => {
  await fake.stop();
  await database.end();
  await test.drop();
});

const start = (model: string): Promise<FakeVllmServer> =>
  FakeVllmServer.start({ model: join(folder, model, 'model'), servedName: 'toy', latencyMs: 20 });

/** Lists a server of the fleet as whoever supervises it does. */
async function list(slot: number, { url }: FakeVllmServer): Promise<void> {
  await database.query(
    `insert into servers (fleet, slot, generation, run, model, url, state) values ($1, $2, 0, 'toy', 'toy', $3, 'ready')`,
    [input.fleet, slot, url],
  );
}

async function durable(): Promise<number> {
  const { rows } = await database.query<{ count: number }>('select count(*)::int as count from chunk_results');
  return rows[0]?.count ?? 0;
}

it('samples from the servers that the fleet lists, and never from one with other weights', async () => {
  const other = await start('other');
  await list(1, other);
  const activities = createSamplingActivities({ database, dataFolder: folder, python: 'none' });
  const counts = await new MockActivityEnvironment().run(activities.sampleShard, input);
  expect(counts).toMatchObject({ chunks: CHUNKS, selected: CHUNKS });
  // All that the other was asked are the checks of its admission.
  expect(other.bodies.some(({ n }) => n === E_STEP.samples)).toBe(false);
  await other.stop();
});

it('takes a server that joins the fleet while it samples', async () => {
  const activities = createSamplingActivities({ database, dataFolder: folder, python: 'none' });
  const slow = { ...input, settings: { ...E_STEP, chunksInFlight: 2 } };
  const sampled = new MockActivityEnvironment().run(activities.sampleShard, slow);
  await eventually('a first chunk', async () => (await durable()) > 0);
  const late = await start('base');
  await list(1, late);
  await sampled;
  expect(late.bodies.some(({ n }) => n === E_STEP.samples)).toBe(true);
  await late.stop();
});

it('refuses a checkpoint whose files are not there', async () => {
  const activities = createSamplingActivities({ database, dataFolder: folder, python: 'none' });
  const lost = { ...input, checkpoint: { key: 'k', digest: 'e', folder: 'nowhere' } };
  await expect(new MockActivityEnvironment().run(activities.sampleShard, lost)).rejects.toMatchObject({
    type: 'CheckpointInvalid',
  });
});

it('stops on cancellation with what it had under way durable', async () => {
  const activities = createSamplingActivities({ database, dataFolder: folder, python: 'none' });
  const environment = new MockActivityEnvironment();
  const sampled = environment.run(activities.sampleShard, input);
  await eventually('a first chunk', async () => (await durable()) > 0);
  environment.cancel('CANCELLED');
  await expect(sampled).rejects.toThrow('Sampling stopped');
  const done = await durable();
  expect(done).toBeLessThan(CHUNKS);
  const rounds = await database.query<{ sum: number }>('select sum(rounds)::int as sum from chunk_results');
  expect(fake.bodies.filter(({ n }) => n === E_STEP.samples)).toHaveLength(rounds.rows[0]?.sum ?? -1);
});

it('a worker killed three times loses what it had in flight and no more, and no chunk is there twice', async () => {
  const program = fileURLToPath(new URL('../support/shard-process.ts', import.meta.url));
  const environment = { ...process.env, DATABASE_URL: test.url, DATA: folder, INPUT: JSON.stringify(input) };
  const run = (): ReturnType<typeof spawn> =>
    spawn(process.execPath, [program], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  for (const least of [15, 45, 75]) {
    const worker = run();
    const ended = once(worker, 'exit');
    await eventually(`${least} chunks`, async () => (await durable()) >= least);
    worker.kill('SIGKILL');
    await ended;
  }
  const last = run();
  const [code] = (await once(last, 'exit')) as [number];
  expect(code).toBe(0);
  expect(await durable()).toBe(CHUNKS);
  const { rows } = await database.query<{ chunks: number; thoughts: number; rounds: number }>(
    `select (select count(*)::int from chunk_results) as chunks, (select count(*)::int from thoughts) as thoughts,
       (select sum(rounds)::int from chunk_results) as rounds`,
  );
  expect(rows[0]).toMatchObject({ chunks: CHUNKS, thoughts: CHUNKS * E_STEP.samples });
  const asked = fake.bodies.filter(({ n }) => n === E_STEP.samples).length;
  // A chunk in flight may have been in its second round.
  expect(asked).toBeLessThanOrEqual((rows[0]?.rounds ?? 0) + 3 * E_STEP.chunksInFlight * 2);
});
