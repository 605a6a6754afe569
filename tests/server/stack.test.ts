import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection, WorkflowClient } from '@temporalio/client';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../scripts/connection.ts';
import { isAlive } from '../../scripts/setup/process-identity.mjs';
import { ensureStack, type StackOptions } from '../../scripts/stack/ensure-stack.ts';
import { postgresAccount } from '../../scripts/stack/postgres-account.ts';
import { isPortFree } from '../../scripts/stack/ports.ts';
import { readState, writeState, type StackState } from '../../scripts/stack/stack-state.ts';
import { readStack, type Stack } from '../../scripts/stack/stack.ts';
import { stopStack } from '../../scripts/stack/stop-stack.ts';
import { eventually } from '../support/eventually.ts';
import { killProcess } from '../support/kill-process.ts';
import { withoutStackEnvironment } from '../support/stack-environment.ts';

let folders: string[];
let restoreEnvironment: () => void;

beforeEach(() => {
  folders = [];
  restoreEnvironment = withoutStackEnvironment();
});

afterEach(async () => {
  for (const folder of folders) {
    await stopStack({ dataFolder: folder });
    rmSync(folder, { recursive: true, force: true });
  }
  restoreEnvironment();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'thoughtloop-stack-'));
  folders.push(folder);
  return folder;
}

/** The servers alone: workers need nothing more from the stack than to be started like them. */
function up(dataFolder: string, options: StackOptions = {}): Promise<Stack & { started: boolean }> {
  return ensureStack({ dataFolder, workers: false, ...options });
}

function state(folder: string): StackState {
  const found = readState(folder);
  if (found === undefined) throw new Error(`no stack in ${folder}`);
  return found;
}

function identities(folder: string): { pid: number; start: string }[] {
  const { supervisor, processes } = state(folder);
  return [...(supervisor === undefined ? [] : [supervisor]), ...processes];
}

async function query<Row extends pg.QueryResultRow>(stack: Stack, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function withClient<Result>(stack: Stack, use: (client: WorkflowClient) => Promise<Result>): Promise<Result> {
  const connection = await Connection.connect({ address: stack.temporal?.address ?? '' });
  try {
    return await use(new WorkflowClient({ connection }));
  } finally {
    await connection.close();
  }
}

it('up twice starts nothing twice and tells the same addresses', async () => {
  const folder = newFolder();
  const first = await up(folder);
  const before = identities(folder);
  const second = await up(folder);

  expect(first.started).toBe(true);
  expect(second.started).toBe(false);
  expect(identities(folder)).toEqual(before);
  expect({ ...second, started: true }).toEqual(first);
});

it('two ups at the same time start one stack', async () => {
  const folder = newFolder();
  const both = await Promise.all([up(folder), up(folder)]);

  expect(both.map(({ started }) => started).sort()).toEqual([false, true]);
  expect(both[0].databaseUrl).toBe(both[1].databaseUrl);
});

it('down ends every process, and a second down finds nothing', async () => {
  const folder = newFolder();
  const stack = await up(folder);
  const processes = identities(folder);
  const { postgres, temporal } = state(folder);

  expect((await stopStack({ dataFolder: folder })).sort()).toEqual(['postgres', 'temporal']);
  expect(processes).toHaveLength(3);
  expect(processes.filter(isAlive)).toEqual([]);
  expect(await stopStack({ dataFolder: folder })).toEqual([]);
  expect(readStack(folder)).toMatchObject({ running: false, status: 'stopped' });
  if (postgres.kind !== 'embedded' || temporal.kind !== 'embedded') throw new Error('expected servers of its own');
  expect(await Promise.all([postgres.port, temporal.port, temporal.uiPort].map(isPortFree))).toEqual([
    true,
    true,
    true,
  ]);
  expect(() => connect(folder)).toThrow(/Expected a running stack.*`thoughtloop up`/s);

  const again = await up(folder);
  expect(again.databaseUrl).toBe(stack.databaseUrl);
  expect(again.temporal).toEqual(stack.temporal);
});

it('two data folders run beside each other, and down stops only its own', async () => {
  const [one, other] = [newFolder(), newFolder()];
  const [stackOne, stackOther] = await Promise.all([up(one), up(other)]);

  expect(stackOne.databaseUrl).not.toBe(stackOther.databaseUrl);
  await stopStack({ dataFolder: one });
  expect(await query(stackOther, 'select 1 as answer')).toEqual([{ answer: 1 }]);
  expect(readStack(other)?.running).toBe(true);
});

it('after kill -9 of everything up brings all back with its data', async () => {
  const folder = newFolder();
  const before = await up(folder);
  await query(before, `create table kept (word text); insert into kept values ('thought')`);
  await withClient(before, (client) => client.start('nobodyRunsThis', { taskQueue: 'none', workflowId: 'kept' }));
  const killed = identities(folder);
  for (const { pid } of killed) killProcess(pid);
  await eventually('all processes are gone', () => !killed.some(isAlive));

  const after = await up(folder);

  expect(after.started).toBe(true);
  expect(after.databaseUrl).toBe(before.databaseUrl);
  expect(after.temporal).toEqual(before.temporal);
  expect(await query(after, 'select word from kept')).toEqual([{ word: 'thought' }]);
  const status = await withClient(after, async (client) => (await client.getHandle('kept').describe()).status.name);
  expect(status).toBe('RUNNING');
});

it('what a killed supervisor leaves behind is ended by the next up, not doubled', async () => {
  const folder = newFolder();
  const before = await up(folder);
  const { supervisor, processes } = state(folder);
  if (supervisor === undefined) throw new Error('expected a supervisor');
  killProcess(supervisor.pid);
  await eventually('the supervisor is gone', () => !isAlive(supervisor));
  expect(processes.filter(isAlive)).toEqual(processes);
  expect(readStack(folder)?.running).toBe(false);

  const after = await up(folder);

  expect(processes.filter(isAlive)).toEqual([]);
  expect(after.databaseUrl).toBe(before.databaseUrl);
  expect(
    state(folder)
      .processes.map(({ name }) => name)
      .sort(),
  ).toEqual(['postgres', 'temporal']);
});

it('a process that its supervisor had no time to write down is ended by the next up', async () => {
  const folder = newFolder();
  await up(folder);
  const { supervisor, processes, ...rest } = state(folder);
  if (supervisor === undefined) throw new Error('expected a supervisor');
  killProcess(supervisor.pid);
  await eventually('the supervisor is gone', () => !isAlive(supervisor));
  writeState(folder, { ...rest, processes: [] });

  await up(folder);

  expect(processes).toHaveLength(2);
  expect(processes.filter(isAlive)).toEqual([]);
});

it("a lock file of PostgreSQL with another program's process id does not stop it", async () => {
  const folder = newFolder();
  await up(folder);
  await stopStack({ dataFolder: folder });
  // Of the account that PostgreSQL runs as: it takes such a process for a server of its own.
  const account = postgresAccount();
  const stranger = spawn('sleep', ['600'], account.kind === 'own' ? {} : { uid: account.uid, gid: account.gid });
  writeFileSync(join(folder, 'postgres', 'postmaster.pid'), `${stranger.pid}\n${join(folder, 'postgres')}\n`);
  try {
    expect((await up(folder)).running).toBe(true);
    expect(stranger.exitCode).toBe(null);
  } finally {
    stranger.kill();
  }
});

it('down also ends what a killed supervisor left behind', async () => {
  const folder = newFolder();
  await up(folder);
  const { supervisor, processes } = state(folder);
  if (supervisor === undefined) throw new Error('expected a supervisor');
  killProcess(supervisor.pid);

  expect((await stopStack({ dataFolder: folder })).sort()).toEqual(['postgres', 'temporal']);
  expect(processes.filter(isAlive)).toEqual([]);
});

it.each(['postgres', 'temporal'])('a %s that dies is started again', async (name) => {
  const folder = newFolder();
  const stack = await up(folder);
  const before = state(folder).processes.find((process) => process.name === name);
  if (before === undefined) throw new Error(`expected a process ${name}`);
  killProcess(before.pid);

  const after = await eventually(`${name} runs again`, () =>
    state(folder).processes.find(
      (process) => process.name === name && process.state === 'running' && process.restarts > 0,
    ),
  );
  expect(after).toMatchObject({ name, restarts: 1 });
  expect(after.pid).not.toBe(before.pid);
  if (name === 'postgres') {
    const answer = await eventually('PostgreSQL answers', () => query(stack, 'select 1 as answer').catch(() => false));
    expect(answer).toEqual([{ answer: 1 }]);
  } else {
    await eventually('Temporal answers', () => withClient(stack, async () => true).catch(() => false));
  }
});

it('a stack whose data folder is removed ends by itself', async () => {
  const folder = newFolder();
  await up(folder);
  const processes = identities(folder);
  rmSync(folder, { recursive: true, force: true });

  await eventually('all processes are gone', () => !processes.some(isAlive), 60);
});

it('comes up where the clock of its machine is two hours ahead of the server’s', async () => {
  const folder = newFolder();
  const clock = join(folder, 'clock');
  writeFileSync(clock, String(2 * 3_600_000));
  const { NODE_OPTIONS } = process.env;
  process.env['NODE_OPTIONS'] = `--import=${fileURLToPath(new URL('../support/jumping-clock.mjs', import.meta.url))}`;
  process.env['FAKE_CLOCK'] = clock;
  try {
    await up(folder, { workers: true });
    expect(state(folder).status).toBe('ready');
  } finally {
    delete process.env['FAKE_CLOCK'];
    if (NODE_OPTIONS === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = NODE_OPTIONS;
  }
});
