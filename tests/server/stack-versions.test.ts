import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureStack } from '../../scripts/stack/ensure-stack.ts';
import { readState, writeState } from '../../scripts/stack/stack-state.ts';
import { stopStack } from '../../scripts/stack/stop-stack.ts';
import { currentVersion } from '../../scripts/versions/current-version.ts';
import { codeVersion } from '../../workers/code-version.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { withoutStackEnvironment } from '../support/stack-environment.ts';
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts';

const CONTROL = fileURLToPath(new URL('../../workers/control.ts', import.meta.url));

let folder: string;
let temporal: TestTemporal;
let database: TestDatabase;
let restoreEnvironment: () => void;

beforeEach(async () => {
  restoreEnvironment = withoutStackEnvironment();
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-versions-'));
  [temporal, database] = await Promise.all([startTestTemporal(), createTestDatabase()]);
  process.env['TEMPORAL_ADDRESS'] = temporal.address;
  process.env['DATABASE_URL'] = database.url;
});

afterEach(async () => {
  await stopStack({ dataFolder: folder });
  await Promise.all([temporal.stop(), database.drop()]);
  rmSync(folder, { recursive: true, force: true });
  restoreEnvironment();
});

it('up sends new runs to its workers, says so of a given Temporal, and tells when the code has changed since', async () => {
  const told: string[] = [];
  const onProgress = (line: string): void => void told.push(line);
  const stack = await ensureStack({ dataFolder: folder, onProgress });
  expect(stack.codeVersion).toBe(codeVersion());
  expect(told).toContain(`New runs go to the workers of this stack, version ${codeVersion()}.`);
  const connection = await Connection.connect({ address: temporal.address });
  expect(await currentVersion(connection, 'default')).toBe(codeVersion());
  await connection.close();

  const state = readState(folder);
  if (state === undefined) throw new Error(`Expected a stack in ${folder}, found none`);
  writeState(folder, { ...state, codeVersion: 'a-former-one' });
  await ensureStack({ dataFolder: folder, onProgress });
  expect(told.at(-1)).toMatch(/runs workers of version a-former-one, but code of version .*thoughtloop down/);
});

it('a worker of a stack does not start with other code than the stack was started with', async () => {
  const env = {
    ...process.env,
    THOUGHTLOOP_DATA: folder,
    THOUGHTLOOP_PYTHON: 'python3',
    THOUGHTLOOP_CODE_VERSION: 'a-former-one',
  };
  const worker = spawn(process.execPath, [CONTROL], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  worker.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
  const code = await new Promise((resolve) => worker.once('close', resolve));
  expect(code).toBe(1);
  expect(words).toMatch(/Expected code of version a-former-one, found version/);
});
