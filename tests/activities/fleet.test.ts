import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ActivityCancellationDetails, type ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createClusterActivities } from '../../activities/clusters/activities.ts';
import { createProcessCluster } from '../../activities/clusters/process-cluster.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { VllmClient } from '../../activities/vllm/client.ts';
import type { SuperviseServerInput } from '../../workflows/contract/activities.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { activityEnvironment } from '../support/activity-environment.ts';
import { isRunning, testPython } from '../support/cluster-contract.ts';
import { eventually } from '../support/eventually.ts';
import { killProcess } from '../support/kill-process.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { runActivity } from '../support/run-activity.ts';
import { insertRun } from '../support/run-row.ts';
import { writeToyModel } from '../support/toy-model.ts';

const LAUNCHER = fileURLToPath(new URL('../support/fake-launcher.ts', import.meta.url));
const FLEET = 'run/i1/fleet';

let testDatabase: TestDatabase;
let database: Database;
let data: string;
let checkpoint: CheckpointRef;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
  await insertRun(database, 'run');
});

afterAll(async () => {
  await database.end();
  await testDatabase.drop();
});

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'thoughtloop-fleet-'));
  await database.query('truncate jobs, servers, events');
  checkpoint = await writeCheckpoint('made', 1);
});

afterEach(async () => {
  await runActivity(activities('serve'), 'releaseFleet', { fleet: FLEET });
  rmSync(data, { recursive: true, force: true });
});

/** A toy model with its marker, as a trainer leaves it. */
async function writeCheckpoint(folder: string, seed: number): Promise<CheckpointRef> {
  await writeToyModel(join(data, folder), { seed });
  const names = ['fingerprint.json', 'model/thoughtloop.json', 'model/tokenizer.json', 'model/toy.json'];
  const sha256 = (value: string | Buffer): string => createHash('sha256').update(value).digest('hex');
  const files = Object.fromEntries(names.map((name) => [name, sha256(readFileSync(join(data, folder, name)))]));
  const digest = sha256(names.map((name) => `${name} ${files[name]}\n`).join(''));
  writeFileSync(join(data, folder, 'DONE.json'), JSON.stringify({ key: folder, digest, files }));
  return { key: folder, digest, folder };
}

type Activities = ReturnType<typeof createClusterActivities>;

function activities(behaviour: string): Activities {
  const program = [process.execPath, LAUNCHER, behaviour] as const;
  return createClusterActivities(
    { database, dataFolder: data, python: testPython() },
    {
      programs: { prepare: program, train: program, serve: program },
      serverPatience: { look: 100, probe: 500, looks: 2, orphan: 4_000 },
    },
  );
}

const supervised = (changes: Partial<SuperviseServerInput['settings']> = {}): SuperviseServerInput => ({
  place: { run: 'run', arm: 'latent', iteration: 1 },
  fleet: FLEET,
  slot: 0,
  checkpoint,
  servedModel: 'run-i1-made',
  settings: {
    servers: 1,
    cluster: 'process',
    dtype: 'float32',
    maxNumSeqs: null,
    maxModelLen: null,
    kvCacheGigabytes: null,
    prefixCaching: false,
    arguments: [],
    startTimeoutSeconds: 60,
    ...changes,
  },
});

interface Supervision {
  readonly environment: ReturnType<typeof activityEnvironment>;
  /** Type and message of how it ended; it never ends well. */
  readonly end: Promise<{ type: string; message: string }>;
}

function supervise(behaviour: string, input = supervised()): Supervision {
  const environment = activityEnvironment();
  const end = runActivity(activities(behaviour), 'superviseServer', input, environment).then(
    () => ({ type: 'no failure', message: '' }),
    (error: ApplicationFailure) => ({ type: error.type ?? error.name, message: error.message }),
  );
  return { environment, end };
}

interface SlotRow {
  readonly state: string;
  readonly url: string | null;
  readonly generation: number;
  readonly failed_starts: number;
}

const slotRow = async (): Promise<SlotRow | undefined> =>
  (await database.query<SlotRow>('select * from servers where fleet = $1 and slot = 0', [FLEET])).rows[0];

const ready = (generation = 0): Promise<SlotRow & { url: string }> =>
  eventually('a ready server', async () => {
    const row = await slotRow();
    return (
      row?.state === 'ready' && row.generation === generation && row.url !== null && (row as SlotRow & { url: string })
    );
  });

const folderOf = (generation: number): string => join(data, `runs/run/i1/servers/fleet/0/g${generation}`);

/** Process id of the launcher, which is the server here. */
const launcherOf = (generation: number): number =>
  (JSON.parse(readFileSync(join(folderOf(generation), 'endpoint.json'), 'utf8')) as { pid: number }).pid;

const CANCEL = new ActivityCancellationDetails({ cancelRequested: true });
const SHUTDOWN = new ActivityCancellationDetails({ workerShutdown: true });

test('a server is ready once it was admitted, answers, and is stopped when its fleet ends', async () => {
  const { environment, end } = supervise('serve');
  const { url } = await ready();
  const client = new VllmClient({ url, servedName: 'run-i1-made' });
  await client.probe([0], { deadlineMs: 10_000 });
  await client.close();
  const pid = launcherOf(0);
  environment.cancel('CANCELLED', CANCEL);
  expect((await end).type).toBe('CancelledFailure');
  expect(isRunning(pid)).toBe(false);
  expect(await slotRow()).toMatchObject({ state: 'gone', url: null, failed_starts: 0 });
  const { rows } = await database.query(`select state from jobs where key = 'run/i1/fleet/0/g0'`);
  expect(rows).toEqual([{ state: 'cancelled' }]);
});

test('a server whose process is killed is lost, and the next attempt starts the next generation', async () => {
  const { end } = supervise('serve');
  await ready();
  killProcess(launcherOf(0));
  expect(await end).toMatchObject({ type: 'ServerLost', message: expect.stringContaining('SIGKILL') as string });
  expect(await slotRow()).toMatchObject({ state: 'gone', url: null, generation: 0 });
  const { rows } = await database.query('select kind from events');
  expect(rows).toEqual([{ kind: 'server' }]);
  const second = supervise('serve');
  await ready(1);
  second.environment.cancel('CANCELLED', CANCEL);
  await second.end;
});

test('a server that answers no more is stopped and lost', async () => {
  const { end } = supervise('serve');
  const { url } = await ready();
  const pid = launcherOf(0);
  await fetch(`${url}/fault`, { method: 'POST', body: JSON.stringify({ kind: 'hang' }) });
  expect(await end).toMatchObject({
    type: 'ServerLost',
    message: expect.stringContaining('no sign of life') as string,
  });
  expect(isRunning(pid)).toBe(false);
  expect(await slotRow()).toMatchObject({ state: 'gone' });
});

test('a worker that shuts down leaves the server serving, and the next attempt takes it over', async () => {
  const first = supervise('serve');
  await ready();
  const pid = launcherOf(0);
  first.environment.cancel('WORKER_SHUTDOWN', SHUTDOWN);
  expect((await first.end).type).toBe('CancelledFailure');
  expect(isRunning(pid)).toBe(true);
  expect(await slotRow()).toMatchObject({ state: 'ready' });
  const second = supervise('serve');
  killProcess(pid);
  expect((await second.end).type).toBe('ServerLost');
  expect(existsSync(folderOf(1))).toBe(false);
});

const GONE = new ActivityCancellationDetails({ notFound: true });

test('a server of a terminated workflow is stopped when nobody takes it over', async () => {
  const { environment, end } = supervise('serve');
  await ready();
  const pid = launcherOf(0);
  environment.cancel('NOT_FOUND', GONE);
  expect((await end).type).toBe('CancelledFailure');
  expect(isRunning(pid)).toBe(false);
  expect(await slotRow()).toMatchObject({ state: 'gone', url: null });
});

test('an attempt that timed out leaves its server to the next one', async () => {
  const first = supervise('serve');
  await ready();
  const pid = launcherOf(0);
  first.environment.cancel('NOT_FOUND', GONE);
  const second = supervise('serve');
  expect((await first.end).type).toBe('CancelledFailure');
  expect(isRunning(pid)).toBe(true);
  expect(await slotRow()).toMatchObject({ state: 'ready', generation: 0 });
  second.environment.cancel('CANCELLED', CANCEL);
  await second.end;
});

test('a server lost while nobody watched is no failed start', async () => {
  const first = supervise('serve');
  await ready();
  first.environment.cancel('WORKER_SHUTDOWN', SHUTDOWN);
  await first.end;
  killProcess(launcherOf(0));
  const job = await createProcessCluster(testPython()).find('run/i1/fleet/0/g0', folderOf(0));
  await eventually(
    'the job’s end',
    async () => (await createProcessCluster(testPython()).status(job!)).kind === 'failed',
  );
  expect(await supervise('serve').end).toMatchObject({ type: 'ServerLost' });
  expect(await slotRow()).toMatchObject({ state: 'gone', failed_starts: 0 });
});

test('starts that fail are tried again, the third in a row fails for good with the end of the log', async () => {
  expect(await supervise('die').end).toMatchObject({ type: 'ServerLost' });
  expect(await supervise('die').end).toMatchObject({ type: 'ServerLost' });
  const { type, message } = await supervise('die').end;
  expect(type).toBe('ServerStartFailed');
  expect(message).toMatch(/exited with code 1.*no room for the KV cache/s);
  expect(await slotRow()).toMatchObject({ generation: 2, failed_starts: 3 });
});

test('a ready server ends a row of failed starts', async () => {
  await supervise('die').end;
  await supervise('die').end;
  const { end } = supervise('serve');
  await ready(2);
  killProcess(launcherOf(2));
  await end;
  expect(await supervise('die').end).toMatchObject({ type: 'ServerLost' });
});

test('a server that is not ready in time is stopped', async () => {
  const { type, message } = await supervise('never', supervised({ startTimeoutSeconds: 1 })).end;
  expect(type).toBe('ServerLost');
  expect(message).toMatch(/not ready within/);
  const job = await createProcessCluster(testPython()).find('run/i1/fleet/0/g0', folderOf(0));
  expect(isRunning(Number(job?.id))).toBe(false);
});

test('a clock that is hours from the store’s fails no start', async () => {
  const now = Date.now;
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 36_000_000);
  try {
    const { environment, end } = supervise('serve');
    await ready();
    environment.cancel('CANCELLED', CANCEL);
    expect((await end).type).toBe('CancelledFailure');
  } finally {
    clock.mockRestore();
  }
});

test('a server of other weights never becomes ready and is stopped', async () => {
  await writeToyModel(join(data, 'made/other'), { seed: 2 });
  const { end } = supervise('other');
  expect(await end).toMatchObject({ type: 'WrongWeights', message: expect.stringContaining('fingerprint') as string });
  expect(await slotRow()).toMatchObject({ state: 'gone', url: null, failed_starts: 1 });
  const job = await createProcessCluster(testPython()).find('run/i1/fleet/0/g0', folderOf(0));
  expect(isRunning(Number(job?.id))).toBe(false);
});

test('a checkpoint whose files differ is not served', async () => {
  writeFileSync(join(data, 'made/model/toy.json'), '{}');
  expect((await supervise('serve').end).type).toBe('CheckpointInvalid');
  expect(await slotRow()).toBeUndefined();
});

test('a slot asked for another checkpoint replaces the server that runs', async () => {
  const first = supervise('serve');
  await ready();
  const pid = launcherOf(0);
  first.environment.cancel('WORKER_SHUTDOWN', SHUTDOWN);
  await first.end;
  const next = { ...supervised(), checkpoint: await writeCheckpoint('next', 2), servedModel: 'run-i1-next' };
  const second = supervise('serve', next);
  await ready(1);
  expect(isRunning(pid)).toBe(false);
  second.environment.cancel('CANCELLED', CANCEL);
  await second.end;
});

test('a fleet whose supervisors are gone can be released', async () => {
  const { environment, end } = supervise('serve');
  await ready();
  const pid = launcherOf(0);
  environment.cancel('WORKER_SHUTDOWN', SHUTDOWN);
  await end;
  await runActivity(activities('serve'), 'releaseFleet', { fleet: FLEET });
  expect(isRunning(pid)).toBe(false);
  expect(await slotRow()).toMatchObject({ state: 'gone', url: null });
});

test('a cluster that cannot run the server at all counts as failed starts, and is not tried for ever', async () => {
  const context = { database, dataFolder: data, python: join(data, 'no-python') };
  const endings: string[] = [];
  for (let start = 0; start < 3; start++) {
    const ended = runActivity(createClusterActivities(context), 'superviseServer', supervised());
    endings.push(
      await ended.then(
        () => 'no failure',
        (error: ApplicationFailure) => `${error.type}: ${error.message}`,
      ),
    );
  }
  expect(endings.map((end) => end.split(':')[0])).toEqual(['ServerLost', 'ServerLost', 'ServerStartFailed']);
  expect(endings[2]).toMatch(/could not be submitted.*could not be started/);
});
