import { execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  hasEnded,
  type JobCluster,
  type JobHandle,
  type JobSpec,
  type JobStatus,
} from '../../activities/clusters/job-cluster.ts';
import { eventually } from './eventually.ts';
import { killProcess } from './kill-process.ts';

const PROGRAM = fileURLToPath(new URL('./fake-job.mjs', import.meta.url));

/** An adapter to be held to the port's contract. */
export interface ClusterUnderTest {
  readonly cluster: JobCluster;
  /** Submits from another process, which prints the handle; it may be killed at any time. */
  readonly submitElsewhere: (key: string, spec: JobSpec) => ChildProcess;
}

/** Whether a process is there and not a zombie. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** A job of the fake program in a folder of its own. */
export function fakeJob(folder: string, behaviour: string, argument = '', changes: Partial<JobSpec> = {}): JobSpec {
  return {
    argv: [process.execPath, PROGRAM, folder, behaviour, argument],
    env: {},
    folder,
    requeueExitCode: 75,
    maxRequeues: 5,
    graceSeconds: 10,
    ...changes,
  };
}

/** Process ids of the fake program's starts so far. */
export const starts = (folder: string): number[] =>
  existsSync(join(folder, 'ran')) ? readFileSync(join(folder, 'ran'), 'utf8').trim().split('\n').map(Number) : [];

/**
 * What every adapter keeps. Jobs are real processes that share a folder with the test.
 * @param name Shown in the report.
 * @param create Makes the adapter once a test.
 */
export function describeClusterContract(name: string, create: () => ClusterUnderTest): void {
  describe(`${name} cluster`, () => {
    let under: ClusterUnderTest;
    let folder: string;
    const submitted: JobHandle[] = [];
    const elsewhere: ChildProcess[] = [];

    beforeEach(() => {
      under = create();
      folder = mkdtempSync(join(tmpdir(), 'thoughtloop-job-'));
    });

    afterEach(async () => {
      for (const child of elsewhere.splice(0)) child.kill('SIGKILL');
      for (const handle of submitted.splice(0)) await under.cluster.cancel(handle);
      rmSync(folder, { recursive: true, force: true });
    });

    async function submit(key: string, spec: JobSpec): Promise<JobHandle> {
      const handle = await under.cluster.submit(key, spec);
      submitted.push(handle);
      return handle;
    }

    const end = (handle: JobHandle): Promise<JobStatus> =>
      eventually(`job ${handle.key} ends`, async () => {
        const status = await under.cluster.status(handle);
        return hasEnded(status) && status;
      });

    test('a program that exits with 0 has succeeded, and its output is in the log', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'exit', '0'));
      expect(await end(handle)).toEqual({ kind: 'succeeded' });
      expect(await under.cluster.logs(handle, 2)).toEqual(['first line', 'last line']);
      expect(await under.cluster.logs(handle, 1)).toEqual(['last line']);
    });

    test('a program that exits with another code has failed with that code', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'exit', '3'));
      expect(await end(handle)).toMatchObject({ kind: 'failed', exitCode: 3 });
    });

    test('a program that cannot be started has failed, and the log says why', async () => {
      const handle = await submit('run/a', fakeJob(folder, '', '', { argv: ['/nowhere/program'] }));
      expect(await end(handle)).toMatchObject({ kind: 'failed', exitCode: 127 });
      expect((await under.cluster.logs(handle, 1))[0]).toContain('/nowhere/program');
    });

    test('a program that is killed has failed by that signal, without an exit code', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'wait'));
      const [pid] = await eventually('the program starts', () => starts(folder).length > 0 && starts(folder));
      killProcess(pid);
      expect(await end(handle)).toEqual({
        kind: 'failed',
        reason: expect.stringContaining('SIGKILL') as string,
        exitCode: null,
      });
    });

    test('a program that asks to be started again is, up to the limit', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'requeue', '3'));
      expect(await end(handle)).toEqual({ kind: 'succeeded' });
      expect(starts(folder)).toHaveLength(3);
    });

    test('a program that asks more often counts as preempted', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'requeue', '99', { maxRequeues: 1 }));
      expect(await end(handle)).toEqual({ kind: 'preempted' });
      expect(starts(folder)).toHaveLength(2);
    });

    test('a key that was submitted is found, another is not', async () => {
      expect(await under.cluster.find('run/a', folder)).toBeUndefined();
      const handle = await submit('run/a', fakeJob(folder, 'wait'));
      expect(await under.cluster.find('run/a', folder)).toEqual(handle);
      expect(await under.cluster.find('run/b', folder)).toBeUndefined();
      expect(await under.cluster.status(handle)).toMatchObject({
        kind: expect.stringMatching(/queued|running/) as string,
      });
    });

    test('a key submitted again runs once, while the job runs and after it ended', async () => {
      const first = await submit('run/a', fakeJob(folder, 'wait'));
      expect(await submit('run/a', fakeJob(folder, 'wait'))).toEqual(first);
      writeFileSync(join(folder, 'go'), '');
      expect(await end(first)).toEqual({ kind: 'succeeded' });
      expect(await submit('run/a', fakeJob(folder, 'wait'))).toEqual(first);
      expect(starts(folder)).toHaveLength(1);
    });

    test('a key submitted at once from several processes runs once', async () => {
      const children = Array.from({ length: 3 }, () => under.submitElsewhere('run/a', fakeJob(folder, 'wait')));
      elsewhere.push(...children);
      const handles = await Promise.all(children.map(answerOf));
      expect(new Set(handles).size).toBe(1);
      submitted.push(JSON.parse(handles[0]!) as JobHandle);
      await eventually('the program starts', () => starts(folder).length > 0);
      writeFileSync(join(folder, 'go'), '');
      expect(await end(submitted[0]!)).toEqual({ kind: 'succeeded' });
      expect(starts(folder)).toHaveLength(1);
    });

    test('a submitter that is killed at any moment neither loses the job nor doubles it', async () => {
      // The span covers a whole submission on an idle machine, 0.2 to 0.4 s with the start of the submitting process.
      for (const milliseconds of [100, 150, 200, 250, 300, 400]) {
        const own = join(folder, String(milliseconds));
        const child = under.submitElsewhere('run/a', fakeJob(own, 'wait'));
        elsewhere.push(child);
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        child.kill('SIGKILL');
        const handle = await submit('run/a', fakeJob(own, 'wait'));
        await eventually('the program starts', () => starts(own).length > 0);
        writeFileSync(join(own, 'go'), '');
        expect(await end(handle)).toEqual({ kind: 'succeeded' });
        expect(starts(own)).toHaveLength(1);
      }
    });

    test('a job outlives the process that submitted it', async () => {
      const child = under.submitElsewhere('run/a', fakeJob(folder, 'wait'));
      const handle = JSON.parse(await answerOf(child)) as JobHandle;
      submitted.push(handle);
      await eventually('the program starts', () => starts(folder).length > 0);
      child.kill('SIGKILL');
      expect(await under.cluster.status(handle)).toEqual({ kind: 'running' });
      writeFileSync(join(folder, 'go'), '');
      expect(await end(handle)).toEqual({ kind: 'succeeded' });
    });

    test('cancel asks the program to end and returns when it has', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'wait'));
      const [pid] = await eventually('the program starts', () => starts(folder).length > 0 && starts(folder));
      await under.cluster.cancel(handle);
      expect(isRunning(pid!)).toBe(false);
      expect(await under.cluster.status(handle)).toEqual({ kind: 'failed', reason: 'cancelled', exitCode: null });
    });

    test('cancel ends a program that ignores the request, with all that it started', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'stubborn', '', { graceSeconds: 1 }));
      const [pid] = await eventually('the program starts', () => starts(folder).length > 0 && starts(folder));
      await under.cluster.cancel(handle);
      expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe('SIGTERM\n');
      expect(isRunning(pid!)).toBe(false);
      expect(await under.cluster.status(handle)).toMatchObject({ kind: 'failed', reason: 'cancelled' });
    });

    test('cancel between two starts of a program that asks for another one ends the job', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'requeue', '1000', { maxRequeues: 1000 }));
      await eventually('the program ran twice', () => starts(folder).length >= 2);
      await under.cluster.cancel(handle);
      expect(hasEnded(await under.cluster.status(handle))).toBe(true);
      const count = starts(folder).length;
      await under.cluster.cancel(handle);
      expect(starts(folder)).toHaveLength(count);
    });

    test('cancel of a job that has ended changes nothing', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'exit', '0'));
      await end(handle);
      await under.cluster.cancel(handle);
      expect(await under.cluster.status(handle)).toEqual({ kind: 'succeeded' });
    });

    test('what a program leaves running ends with it', async () => {
      const handle = await submit('run/a', fakeJob(folder, 'orphans'));
      await eventually('the program starts', () => starts(folder).length > 0);
      const orphan = Number(readFileSync(join(folder, 'orphan'), 'utf8'));
      expect(isRunning(orphan)).toBe(true);
      writeFileSync(join(folder, 'go'), '');
      expect(await end(handle)).toEqual({ kind: 'succeeded' });
      await eventually('the orphan ends', () => !isRunning(orphan));
    });

    test('a job gets the variables of its spec and none of the workers’ secrets', async () => {
      process.env.TEMPORAL_API_KEY = 'secret';
      try {
        const handle = await submit('run/a', fakeJob(folder, 'environment', '', { env: { LANGUAGE_OF_JOB: 'en' } }));
        await end(handle);
      } finally {
        delete process.env.TEMPORAL_API_KEY;
      }
      const seen = JSON.parse(readFileSync(join(folder, 'environment.json'), 'utf8')) as Record<string, string>;
      expect(seen.LANGUAGE_OF_JOB).toBe('en');
      expect(seen.PATH).toBe(process.env.PATH);
      expect(seen).not.toHaveProperty('TEMPORAL_API_KEY');
    });
  });
}

const answerOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (data: Buffer) => (text += data.toString()));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(text.trim()) : reject(new Error(`submitter exited with ${code}`)),
    );
  });

/** Interpreter for tests that run jobs: the product's, else the system's. */
export function testPython(): string {
  const python = process.env.THOUGHTLOOP_PYTHON ?? 'python3';
  execFileSync(python, ['--version'], { stdio: 'ignore' });
  return python;
}
