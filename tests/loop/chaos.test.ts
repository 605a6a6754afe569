import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stopStack } from '../../scripts/stack/stop-stack.ts';
import { killProcess } from '../support/kill-process.ts';
import { processesNaming } from '../support/processes.ts';

const CHAOS = fileURLToPath(new URL('../../scripts/chaos/chaos.ts', import.meta.url));
const NO_PYTHON = process.env['THOUGHTLOOP_PYTHON'] === undefined;

/** Of those with no waits of a minute, one of each place where a run can be hurt. */
const KINDS = [
  'kill-sampler',
  'kill-control',
  'kill-cluster',
  'kill-temporal',
  'kill-postgres',
  'kill-everything',
  'kill-server',
  'kill-trainer',
  'stale-weights',
  'disk-full',
  'cancel',
  'answer-hangs',
  'answer-cut',
  'answer-nan',
  'answer-other-ids',
  'status-503',
];

let data: string;

beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), 'thoughtloop-chaos-test-'));
});

afterAll(async () => {
  await stopStack({ dataFolder: data });
  for (const { pid } of processesNaming(data)) killProcess(pid);
  rmSync(data, { recursive: true, force: true });
});

interface Said {
  readonly passed: boolean;
  readonly runs: readonly {
    readonly status: string;
    readonly injected: readonly unknown[];
    readonly invariants: readonly { readonly rule: string; readonly broken: readonly string[] }[];
  }[];
}

test.skipIf(NO_PYTHON)(
  'a run under faults of every place completes, and nothing is lost, doubled or spoiled',
  async () => {
    const options = ['--seed', '11', '--faults', String(KINDS.length), '--documents', '60', '--runs', 'load'];
    const child = spawn(process.execPath, [CHAOS, ...options, '--only', KINDS.join(','), '--data', data, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [output, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (output === '') throw new Error(errors);
    const { passed, runs } = JSON.parse(output) as Said;
    const [run] = runs;
    expect(run?.invariants.filter(({ broken }) => broken.length > 0)).toEqual([]);
    expect(run).toMatchObject({ status: 'Completed' });
    expect(run?.injected).toHaveLength(KINDS.length);
    expect({ passed, code }).toEqual({ passed: true, code: 0 });
  },
);
