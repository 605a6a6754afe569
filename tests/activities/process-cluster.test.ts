import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clusterByName } from '../../activities/clusters/cluster-by-name.ts';
import type { JobHandle } from '../../activities/clusters/job-cluster.ts';
import { createProcessCluster } from '../../activities/clusters/process-cluster.ts';
import { describeClusterContract, fakeJob, isRunning, starts, testPython } from '../support/cluster-contract.ts';
import { eventually } from '../support/eventually.ts';
import { killProcess } from '../support/kill-process.ts';

const SUBMITTER = fileURLToPath(new URL('../support/submit-job.ts', import.meta.url));

describeClusterContract('process', () => ({
  cluster: createProcessCluster(testPython()),
  submitElsewhere: (key, spec) =>
    spawn(process.execPath, [SUBMITTER, testPython(), key, JSON.stringify(spec)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
}));

const cluster = createProcessCluster(testPython());
let folder: string;
const submitted: JobHandle[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-job-'));
});

afterEach(async () => {
  for (const handle of submitted.splice(0)) await cluster.cancel(handle);
  rmSync(folder, { recursive: true, force: true });
});

test('a runner that is killed takes the program with it, and the job is lost', async () => {
  const handle = await cluster.submit('run/a', fakeJob(folder, 'wait'));
  submitted.push(handle);
  const [pid] = await eventually('the program starts', () => starts(folder).length > 0 && starts(folder));
  killProcess(handle.id);
  await eventually('the job is lost', async () => (await cluster.status(handle)).kind === 'lost');
  await eventually('the program ends', () => !isRunning(pid!));
  expect(await cluster.submit('run/a', fakeJob(folder, 'wait'))).toEqual(handle);
  expect(starts(folder)).toHaveLength(1);
});

test('a runner that is asked to end passes the request on and the job is failed, not lost', async () => {
  const handle = await cluster.submit('run/a', fakeJob(folder, 'wait'));
  submitted.push(handle);
  await eventually('the program starts', () => starts(folder).length > 0);
  killProcess(handle.id, 'SIGTERM');
  const status = await eventually('the job ends', async () => {
    const answer = await cluster.status(handle);
    return answer.kind !== 'running' && answer;
  });
  expect(status).toEqual({ kind: 'failed', reason: 'ended by SIGTERM', exitCode: null });
});

test('a process that got the runner’s id later is not taken for it, and cancel leaves it alone', async () => {
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore', detached: true });
  try {
    // Starts are told apart by clock ticks of 10 ms.
    const born = readFileSync('/proc/uptime', 'utf8');
    await eventually('the next tick', () => readFileSync('/proc/uptime', 'utf8') !== born);
    const handle = await cluster.submit('run/a', fakeJob(folder, 'exit', '0'));
    await eventually('the job ends', async () => (await cluster.status(handle)).kind === 'succeeded');
    rmSync(join(folder, 'exit.json'));
    const record = JSON.parse(readFileSync(join(folder, 'job.json'), 'utf8')) as object;
    writeFileSync(join(folder, 'job.json'), JSON.stringify({ ...record, pid: stranger.pid }));
    expect(await cluster.status(handle)).toEqual({ kind: 'lost' });
    await cluster.cancel(handle);
    expect(isRunning(stranger.pid!)).toBe(true);
  } finally {
    stranger.kill('SIGKILL');
  }
});

test('a folder that belongs to another job is refused', async () => {
  submitted.push(await cluster.submit('run/a', fakeJob(folder, 'exit', '0')));
  await expect(cluster.submit('run/b', fakeJob(folder, 'exit', '0'))).rejects.toThrow(/found job run\/a/);
});

test('half a record, as a foreign program may leave it, is no job', async () => {
  mkdirSync(join(folder, 'x'));
  writeFileSync(join(folder, 'x', 'job.json'), '{"key": "run/a", "pi');
  expect(await cluster.find('run/a', join(folder, 'x'))).toBeUndefined();
});

test('an interpreter that is not there is said so', async () => {
  await expect(createProcessCluster('/nowhere/python').submit('run/a', fakeJob(folder, 'wait'))).rejects.toThrow(
    /nowhere/,
  );
});

test('a cluster that is not known is refused with the known ones', () => {
  expect(() => clusterByName('sulrm', { python: 'python3' })).toThrow(/process.*`sulrm`/);
});
