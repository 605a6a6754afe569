import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Connection, WorkflowClient, type WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { taskQueuePollers } from '../../scripts/stack/task-queue-pollers.ts';
import { makeCurrent } from '../../scripts/versions/current-version.ts';
import { codeVersion } from '../../workers/code-version.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { shardBatch, type ShardBatchInput } from '../../workflows/shard-batch.ts';
import { eventually } from '../support/eventually.ts';
import { FakeVllmServer } from '../support/fake-vllm-server.ts';
import { plannedEStep } from '../support/planned-e-step.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { writeToyModel } from '../support/toy-model.ts';
import { startWorkerProcess, type TestWorker } from '../support/worker-process.ts';

const DOCUMENTS = Array.from({ length: 160 }, () => ({ chunks: ['abc d', 'ba'] }));

let folder: string;
let store: TestDatabase;
let database: Database;
let temporal: TestTemporal;
let connection: Connection;
let client: WorkflowClient;
let servers: FakeVllmServer;
let input: ShardBatchInput;
const workers: TestWorker[] = [];

beforeAll(async () => {
  [store, temporal] = await Promise.all([createTestDatabase(), startTestTemporal()]);
  database = openDatabase(store.url);
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-killed-'));
  await writeToyModel(join(folder, 'base'), { favour: 3 });
  servers = await FakeVllmServer.start({ model: join(folder, 'base', 'model'), servedName: 'toy', latencyMs: 20 });
  const { shard, ...planned } = await plannedEStep(database, DOCUMENTS);
  const checkpoint = { key: 'k', digest: 'd', folder: 'base' };
  input = { ...planned, checkpoint, shards: { from: shard, to: shard + 1 } };
  await database.query(
    `insert into servers (fleet, slot, generation, run, model, url, state) values ($1, 0, 0, 'toy', 'toy', $2, 'ready')`,
    [planned.fleet, servers.url],
  );
  connection = await Connection.connect({ address: temporal.address });
  client = new WorkflowClient({ connection });
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await connection.close();
  await servers.stop();
  await database.end();
  await Promise.all([store.drop(), temporal.stop()]);
  await rm(folder, { recursive: true });
});

function start(name: string): TestWorker {
  const worker = startWorkerProcess(name, {
    DATABASE_URL: store.url,
    THOUGHTLOOP_DATA: folder,
    TEMPORAL_ADDRESS: temporal.address,
  });
  workers.push(worker);
  return worker;
}

interface Noted {
  readonly pid: number;
  readonly attempt: number;
}

async function noted(workflow: string): Promise<Noted | undefined> {
  const { rows } = await database.query<Noted>('select pid, attempt from attempts where workflow = $1', [workflow]);
  return rows[0];
}

/** Number of the attempt that Temporal has under way. */
async function attemptOf(handle: WorkflowHandle): Promise<number> {
  const { raw } = await handle.describe();
  return raw.pendingActivities?.[0]?.attempt ?? 0;
}

it('what a killed worker held is handed back to the next one, and never what another has taken over', async () => {
  start('control');
  const first = start('sampler');
  await eventually('both workers ask for work', async () => {
    const queues = await taskQueuePollers(connection, 'default');
    return queues.filter(({ pollers }) => pollers.length > 0).length === 2;
  });
  await makeCurrent(connection, 'default', codeVersion());
  const handle = await client.start(shardBatch, {
    workflowId: 'toy/i1/e/b0',
    taskQueue: TASK_QUEUES.control,
    args: [{ ...input, settings: { ...input.settings, chunksInFlight: 1 } }],
  });
  await eventually('the shard is noted', async () => (await noted(handle.workflowId))?.pid === first.pid, 60);
  await eventually('a first answer', () => servers.counts.score > 0);
  const { rows } = await database.query<{ token: Buffer }>('select token from attempts');

  const began = performance.now();
  await first.kill();
  const asked = servers.counts.sample;
  const second = start('sampler');
  await eventually('the next attempt’s first request', () => servers.counts.sample > asked + 1, 60);
  const seconds = (performance.now() - began) / 1000;
  console.log(`next request of the shard ${seconds.toFixed(1)} s after kill -9 of its worker`);
  expect(await noted(handle.workflowId)).toEqual({ pid: second.pid, attempt: 2 });

  // The note of the first attempt again, as a worker would find it that had not seen the second one.
  await database.query(
    `insert into attempts select workflow, 'stale', 1, $1, machine, pid_namespace, $2, process_start from attempts`,
    [rows[0]?.token, first.pid],
  );
  await eventually('the stale note is gone', async () => {
    const { rowCount } = await database.query(`select from attempts where activity = 'stale'`);
    return rowCount === 0;
  });
  expect(await attemptOf(handle)).toBe(2);

  const { counts } = await handle.result();
  expect(counts).toMatchObject({ chunks: 320, selected: 320, rejected: 0 });
  await eventually('no note is left', async () => (await noted(handle.workflowId)) === undefined);
});
