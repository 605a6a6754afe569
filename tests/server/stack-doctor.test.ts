import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Check } from '../../scripts/doctor/check.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { withoutStackEnvironment } from '../support/stack-environment.ts';
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts';

const CLI = fileURLToPath(new URL('../../scripts/thoughtloop.ts', import.meta.url));

let folder: string;
let temporal: TestTemporal;
let database: TestDatabase;
let restoreEnvironment: () => void;

beforeEach(async () => {
  restoreEnvironment = withoutStackEnvironment();
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-doctor-'));
  [temporal, database] = await Promise.all([startTestTemporal(), createTestDatabase()]);
});

afterEach(async () => {
  await Promise.all([temporal.stop(), database.drop()]);
  rmSync(folder, { recursive: true, force: true });
  restoreEnvironment();
});

async function doctor(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; checks: Map<string, Check> }> {
  const child = spawn(process.execPath, [CLI, 'doctor', '--json', '--data', folder, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number>((resolve) => child.once('close', (value) => resolve(value ?? -1)));
  const { checks } = JSON.parse(output) as { checks: Check[] };
  return { code, checks: new Map(checks.map((check) => [check.name, check])) };
}

const given = (): NodeJS.ProcessEnv => ({ DATABASE_URL: database.url, TEMPORAL_ADDRESS: temporal.address });

it('without a stack every line that needs one is wrong and names the cure', async () => {
  const { code, checks } = await doctor([], {});
  expect(code).toBe(1);
  for (const name of ['PostgreSQL', 'Temporal']) {
    expect(checks.get(name)).toMatchObject({ ok: false, cure: expect.stringContaining('thoughtloop up') as string });
  }
  expect(checks.get('Node')).toMatchObject({ ok: true });
});

it('servers of the environment are checked, and queues without workers are wrong', async () => {
  const { code, checks } = await doctor([], given());
  expect(code).toBe(1);
  const right = ['PostgreSQL', 'schema', 'Temporal', 'namespace', 'search attributes'];
  expect(right.map((name) => checks.get(name)?.ok)).toEqual(right.map(() => true));
  expect(checks.get('thoughtloop-sampling')).toMatchObject({ ok: false, found: 'no worker asks for work or has any' });
});

it('--fix registers missing search attributes and brings an older schema up', async () => {
  const connection = await Connection.connect({ address: temporal.address });
  const namespace = 'default';
  await connection.operatorService.removeSearchAttributes({ namespace, searchAttributes: ['ThoughtloopPhase'] });
  await connection.close();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('drop schema public cascade; create schema public');
  await client.end();

  const before = await doctor([], given());
  expect(before.checks.get('search attributes')).toMatchObject({ ok: false, found: 'without ThoughtloopPhase' });
  expect(before.checks.get('schema')).toMatchObject({ ok: false, found: expect.stringContaining('lacks') as string });

  await doctor(['--fix'], given());
  const after = await doctor([], given());
  expect(after.checks.get('search attributes')?.ok).toBe(true);
  expect(after.checks.get('schema')?.ok).toBe(true);
});
