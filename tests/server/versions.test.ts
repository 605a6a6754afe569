import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection, WorkflowClient, type WorkflowHandle } from '@temporalio/client';
import { runner } from 'node-pg-migrate';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { schemaState } from '../../activities/store/migrate.ts';
import type { Check } from '../../scripts/doctor/check.ts';
import { freePort } from '../../scripts/stack/ports.ts';
import { bringSchemaUp } from '../../scripts/versions/bring-schema-up.ts';
import { currentVersion, makeCurrent } from '../../scripts/versions/current-version.ts';
import { openWorkflows } from '../../scripts/versions/open-workflows.ts';
import { strandedRuns } from '../../scripts/versions/stranded.ts';
import { takeOver } from '../../scripts/versions/take-over.ts';
import { codeVersion } from '../../workers/code-version.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { run } from '../../workflows/index.ts';
import { thoughtloop } from '../support/command-line.ts';
import { eventually } from '../support/eventually.ts';
import { FakeActivities } from '../support/fake-activities.ts';
import { startFakeWorkers } from '../support/fake-workers.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { withoutStackEnvironment } from '../support/stack-environment.ts';
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NAMESPACE = 'default';
const OLD = 'a-former-one';
const PRESENT = codeVersion();

let folder: string;
let temporal: TestTemporal;
let connection: Connection;
let client: WorkflowClient;
let stops: (() => Promise<void>)[];
let restoreEnvironment: () => void;

beforeEach(async () => {
  restoreEnvironment = withoutStackEnvironment();
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-versions-'));
  stops = [];
  await startServer();
});

afterEach(async () => {
  for (const stop of stops) await stop();
  await connection.close();
  await temporal.stop();
  rmSync(folder, { recursive: true, force: true });
  restoreEnvironment();
});

/** The server knows its workflows from before, and of no poller. */
async function startServer(): Promise<void> {
  temporal = await startTestTemporal(['--db-filename', join(folder, 'temporal.db')]);
  // What looks for the server of a data folder finds this one.
  process.env['TEMPORAL_ADDRESS'] = temporal.address;
  connection = await Connection.connect({ address: temporal.address });
  client = new WorkflowClient({ connection });
}

async function restartServer(): Promise<void> {
  await connection.close();
  await temporal.stop();
  await startServer();
}

async function startWorkers(version: string, fake: FakeActivities, workflows?: string): Promise<() => Promise<void>> {
  const options = { address: temporal.address, fake: () => fake, version };
  const stop = await startFakeWorkers(workflows === undefined ? options : { ...options, workflows });
  stops.push(stop);
  return async () => {
    stops.splice(stops.indexOf(stop), 1);
    await stop();
  };
}

const makeItCurrent = (version: string): Promise<boolean> =>
  eventually(`${version} is current`, () =>
    makeCurrent(connection, NAMESPACE, version).then(
      () => true,
      () => false,
    ),
  );

const start = (name: string): Promise<WorkflowHandle<typeof run>> =>
  client.start(run, {
    workflowId: name,
    taskQueue: TASK_QUEUES.control,
    args: [{ run: name, recipe: tinyRecipe({ name, iterations: 2 }) }],
  });

/** The run waits for its first job, with the workers of `fake`. */
const inFirstJob = (fake: FakeActivities): Promise<boolean> =>
  eventually('a job', () => fake.calls.some((call) => call.startsWith('awaitJob')));

const takeOverBy = (version: string): Promise<string[]> =>
  takeOver({
    connection,
    namespace: NAMESPACE,
    version,
    dataFolder: folder,
    makeCurrent: async () => void (await makeItCurrent(version)),
  });

const versionOf = async (workflow: string): Promise<string | null | undefined> => {
  const { raw } = await client.getHandle(workflow).describe();
  const { versioningInfo } = raw.workflowExecutionInfo ?? {};
  expect(versioningInfo?.versioningOverride).toBeFalsy();
  return versioningInfo?.deploymentVersion?.buildId;
};

it('a run ends its iteration with the workers that it began it with, and goes on with those of the new version', async () => {
  const [old, present] = [new FakeActivities(), new FakeActivities()];
  await startWorkers(OLD, old);
  await makeItCurrent(OLD);
  const release = old.hold('awaitJob');
  const handle = await start('rolling');
  await inFirstJob(old);
  const busy = (await openWorkflows(client)).flatMap(({ running }) => running);
  expect(busy).toContainEqual({ queue: TASK_QUEUES.cluster, identity: `${process.pid}@${hostname()}`, version: OLD });
  await startWorkers(PRESENT, present);
  await makeItCurrent(PRESENT);
  expect(await currentVersion(connection, NAMESPACE)).toBe(PRESENT);
  release();
  await handle.result();

  // All of what was begun went to the old workers, nothing of it to the new; all of what came after, the other way round.
  const where = (fake: FakeActivities): Set<string> =>
    new Set(fake.calls.flatMap((call) => /\b(?:latent\/|i)(\d)\b/.exec(call)?.[1] ?? []));
  expect(where(old)).toEqual(new Set(['0']));
  expect(where(present)).toEqual(new Set(['1', '2']));
  expect(await versionOf('rolling/i0')).toBe(OLD);
  expect(await versionOf('rolling')).toBe(PRESENT);
});

it('a run that was started before any version was current begins when one is', async () => {
  const fake = new FakeActivities();
  const early = await start('early');
  await startWorkers(PRESENT, fake);
  const late = await start('late');
  await takeOverBy(PRESENT);
  await Promise.all([early.result(), late.result()]);
  expect(await versionOf('early')).toBe(PRESENT);
});

it('a run whose version has no workers any more goes on with a version that replays it, and is pinned to nothing', async () => {
  const [old, present] = [new FakeActivities(), new FakeActivities()];
  const stopOld = await startWorkers(OLD, old);
  await makeItCurrent(OLD);
  old.hang('sampleShard');
  await start('left');
  await eventually('sampling', () => old.calls.some((call) => call.startsWith('sampleShard')));
  await stopOld();
  await restartServer();
  await startWorkers(PRESENT, present);

  await withOlderDatabase(async (url) => {
    await bringSchemaUp(url, folder);
    expect(await schemaState(url)).toMatchObject({ kind: 'current' });
  });
  const notices = await takeOverBy(PRESENT);

  expect(notices).toHaveLength(1);
  expect(notices[0]).toMatch(
    new RegExp(`Run left waits for workers of version ${OLD}, which are gone.*goes on with version ${PRESENT}`),
  );
  await client.getHandle('left').result();
  expect(present.calls.some((call) => call.startsWith('sampleShard latent/1'))).toBe(true);
  expect(present.calls.some((call) => call.startsWith('submitBase'))).toBe(false);
  for (const workflow of ['left', 'left/i1', 'left/i1/e']) expect(await versionOf(workflow)).toBe(PRESENT);
  expect(await takeOverBy(PRESENT)).toEqual([]);
});

it('a run that this code would not have made is named with the cure and left for workers of its version', async () => {
  const [old, present] = [new FakeActivities(), new FakeActivities()];
  const other = otherWorkflows();
  const stopOld = await startWorkers(OLD, old, other);
  await makeItCurrent(OLD);
  const release = old.hold('sampleShard');
  const handle = await start('apart');
  await eventually('sampling', () => old.calls.some((call) => call.startsWith('sampleShard')));
  await stopOld();
  await restartServer();
  await startWorkers(PRESENT, present);

  await withOlderDatabase(async (url) => {
    await expect(bringSchemaUp(url, folder)).rejects.toThrow(
      /Expected every open run to replay .* before the database gets .*, found run apart, .*Nothing was changed.*thoughtloop down/,
    );
    expect(await schemaState(url)).toMatchObject({ kind: 'older', empty: false });
  });
  const [notice, ...more] = await takeOverBy(PRESENT);

  expect(more).toEqual([]);
  expect(notice).toMatch(
    /^Run apart waits for workers of version a-former-one.*apart\/i1 does not replay with this code \([^"{]+\)\. Run/,
  );
  expect(notice).toContain('`thoughtloop cancel apart`');
  expect(await versionOf('apart/i1')).toBe(OLD);
  // With its workers it goes on: to the end of the iteration, and then with the present ones.
  release();
  await startWorkers(OLD, old, other);
  await client.getHandle(handle.workflowId).result();
  expect(old.calls).toContain('recordIteration latent/1');
  expect(present.calls).toContain('recordIteration latent/2');
});

it('doctor names workers of another version, and runs that wait for one; --fix moves these', async () => {
  const [old, present] = [new FakeActivities(), new FakeActivities()];
  const stopOld = await startWorkers(OLD, old);
  const before = await doctor();
  expect(before.get('code version')).toMatchObject({ ok: false, cure: expect.stringContaining('up') as string });
  await makeItCurrent(OLD);
  expect((await doctor()).get('thoughtloop-control')).toMatchObject({ ok: true });
  old.hang('awaitJob');
  await start('waiting');
  await inFirstJob(old);
  await startWorkers(PRESENT, present);
  expect((await doctor()).get('code version')).toMatchObject({
    ok: false,
    cure: expect.stringContaining('--fix') as string,
  });
  const fixed = await doctor('--fix');
  expect(fixed.get('code version')).toMatchObject({ ok: true });
  expect(await currentVersion(connection, NAMESPACE)).toBe(PRESENT);
  expect((await doctor()).get(`workers of version ${OLD}`)).toMatchObject({
    ok: true,
    found: expect.stringContaining('needed by waiting') as string,
  });

  await stopOld();
  for (const stop of stops.splice(0)) await stop();
  await restartServer();
  await startWorkers(PRESENT, present);
  await eventually('the workers to be seen', async () => (await doctor()).get('thoughtloop-control')?.ok);
  expect((await doctor()).get('run waiting')).toMatchObject({
    ok: false,
    found: expect.stringContaining('replay with this code') as string,
  });
  expect((await doctor('--fix')).get('run waiting')).toMatchObject({ ok: true });
  await client.getHandle('waiting').result();
});

it('a version is not taken for one without workers where nobody could be asked', async () => {
  const away = Connection.lazy({ address: `127.0.0.1:${await freePort()}` });
  const open = [{ workflowId: 'lost', runId: 'x', run: 'lost', version: OLD, running: [] }];
  const look = { present: PRESENT, dataFolder: folder, patient: false };
  await expect(strandedRuns(away, NAMESPACE, open, look)).rejects.toThrow(/could not be found out: ./);
  await away.close();
});

it('doctor names workers that no run needs', async () => {
  await startWorkers(OLD, new FakeActivities());
  await startWorkers(PRESENT, new FakeActivities());
  await makeItCurrent(PRESENT);
  expect((await doctor()).get(`workers of version ${OLD}`)).toMatchObject({
    ok: false,
    found: expect.stringContaining('no run needs them') as string,
  });
});

/** A database that lacks the program's newest migration. */
async function withOlderDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  const dir = join(ROOT, 'activities/store/migrations');
  try {
    const common = { databaseUrl: database.url, dir, migrationsTable: 'pgmigrations', log: () => undefined };
    const undone = await runner({ ...common, direction: 'down', count: 1 });
    expect(undone).toHaveLength(1);
    await work(database.url);
  } finally {
    await database.drop();
  }
}

async function doctor(...args: string[]): Promise<Map<string, Check>> {
  const { stdout } = await thoughtloop(['doctor', '--json', '--data', folder, ...args], {
    TEMPORAL_ADDRESS: temporal.address,
  });
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  return new Map(checks.map((check) => [check.name, check]));
}

/** The workflows, but an iteration says once more that it begins: histories of these do not replay with ours. */
function otherWorkflows(): string {
  const workflows = join(folder, 'other', 'workflows');
  cpSync(join(ROOT, 'workflows'), workflows, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'other', 'node_modules'));
  const file = join(workflows, 'iteration.ts');
  const text = readFileSync(file, 'utf8');
  const changed = text.replace("await steps.enter('e-step');", "$& await steps.enter('e-step');");
  expect(changed).not.toBe(text);
  writeFileSync(file, changed);
  return workflows;
}
