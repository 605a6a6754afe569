import { spawn, type ChildProcess } from 'node:child_process';
import { access, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { isMissing, readJson, writeJsonAtomically } from './atomic-json.ts';
import { tailLines } from './file-tail.ts';
import type { JobCluster, JobHandle, JobSpec, JobStatus } from './job-cluster.ts';
import { isAlive, killSession, sendSignal, type ProcessIdentity } from './process-identity.ts';

/**
 * Jobs as processes of this machine. Each runs under `run_job.py`, detached in a session of its own, so that it
 * outlives the worker; job and adapter meet in the job's folder:
 *
 *     job.json    key, process id and start of the runner, written before the program begins
 *     exit.json   how the program ended, written by the runner
 *     cancelled   there when the job was cancelled
 *     log         what the program wrote
 *
 * States: no `job.json` = never submitted. `job.json` and the runner alive = running. `exit.json` = ended. Neither the
 * runner alive nor `exit.json` = lost, e.g. by a restart of the machine.
 */

const RUNNER = fileURLToPath(new URL('./run_job.py', import.meta.url));

/** The runner's exit code when the job is already there, or being started by another submission. */
const DUPLICATE = 76;

/** Longest time from starting the runner to its record; Python starts in 0.05 s on an idle machine. */
const RECORD_SECONDS = 60;

/** Beyond the grace time, until a runner that does not end by itself is killed. */
const RUNNER_SECONDS = 5;

const POLL_MILLISECONDS = 20;

/** Variables that workers need and jobs must not see: they hold passwords and keys. */
const WITHHELD = /^(DATABASE_URL|PG[A-Z]+|TEMPORAL_.*)$/;

const JobRecord = z.object({
  key: z.string(),
  pid: z.int(),
  start: z.string(),
  graceSeconds: z.number(),
  requeueExitCode: z.int(),
});
type JobRecord = z.infer<typeof JobRecord>;

const ExitRecord = z.object({ key: z.string(), code: z.int().nullable(), signal: z.string().nullable() });

/**
 * @param python Interpreter of the runner, 3.11 or newer; its standard library is enough.
 */
export function createProcessCluster(python: string): JobCluster {
  return {
    name: 'process',
    pollMilliseconds: 250,
    submit: (key, spec) => submit(python, key, spec),
    find: async (key, folder) => toHandle(await readRecord(key, folder), folder),
    status,
    cancel,
    logs: async ({ folder }, lines) => (await tailLines(join(folder, 'log'))).slice(-lines),
  };
}

async function submit(python: string, key: string, spec: JobSpec): Promise<JobHandle> {
  await mkdir(spec.folder, { recursive: true });
  const deadline = performance.now() + RECORD_SECONDS * 1000;
  let runner: { readonly process: ChildProcess; ended: string | undefined } | undefined;
  for (;;) {
    const handle = toHandle(await readRecord(key, spec.folder), spec.folder);
    if (handle !== undefined) return handle;
    if (runner?.ended !== undefined && runner.process.exitCode !== DUPLICATE) {
      const log = (await tailLines(join(spec.folder, 'log'))).slice(-5).join('\n');
      throw new Error(
        `Expected the runner of job ${key} to record itself in ${spec.folder}, but it ${runner.ended}: ${log}`,
      );
    }
    if (performance.now() > deadline) {
      throw new Error(
        `Expected job ${key} to be recorded in ${spec.folder} within ${RECORD_SECONDS} s, found no job.json: ` +
          'is the machine overloaded, or the folder on a stuck file system?',
      );
    }
    // A duplicate without a record: the other submission holds the lock and records itself, or dies and frees it.
    if (runner === undefined || runner.ended !== undefined) runner = await startRunner(python, key, spec);
    await sleep(POLL_MILLISECONDS);
  }
}

async function startRunner(
  python: string,
  key: string,
  spec: JobSpec,
): Promise<{ readonly process: ChildProcess; ended: string | undefined }> {
  const log = await open(join(spec.folder, 'log'), 'a');
  try {
    const child = spawn(
      python,
      [
        '-I',
        RUNNER,
        ...['--key', key],
        ...['--folder', spec.folder],
        ...['--requeue-exit-code', String(spec.requeueExitCode)],
        ...['--max-requeues', String(spec.maxRequeues)],
        ...['--grace-seconds', String(spec.graceSeconds)],
        '--',
        ...spec.argv,
      ],
      {
        cwd: spec.folder,
        env: { ...jobEnvironment(), ...spec.env },
        // A session of its own: signals to the worker's group, such as an interrupt from the terminal, do not reach it.
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      },
    );
    child.unref();
    const runner = { process: child, ended: undefined as string | undefined };
    child.once('error', (error) => (runner.ended = `could not be started (${error.message})`));
    child.once('exit', (code, signal) => (runner.ended = `exited with ${code ?? signal}`));
    return runner;
  } finally {
    await log.close();
  }
}

const jobEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !WITHHELD.test(name)));

async function status(handle: JobHandle): Promise<JobStatus> {
  const record = await readRecord(handle.key, handle.folder);
  if (record === undefined) return { kind: 'lost' };
  const exit = await readExit(record, handle.folder);
  if (exit !== undefined) return exit;
  if (await isAlive(record)) return { kind: 'running' };
  // The runner may have written its last word between the two looks.
  const last = await readExit(record, handle.folder);
  if (last !== undefined) return last;
  await killSession(record);
  return (await wasCancelled(handle.folder)) ? CANCELLED : { kind: 'lost' };
}

async function cancel(handle: JobHandle): Promise<void> {
  const record = await readRecord(handle.key, handle.folder);
  if (record === undefined || (await readExit(record, handle.folder)) !== undefined || !(await isAlive(record))) return;
  await writeJsonAtomically(join(handle.folder, 'cancelled'), { at: new Date().toISOString() });
  sendSignal(record.pid, 'SIGTERM');
  // A grace time of 0 is 1 s to the runner's alarm.
  if (await hasEndedWithin(record, Math.max(1, record.graceSeconds) + RUNNER_SECONDS)) return;
  if (await isAlive(record)) sendSignal(record.pid, 'SIGKILL');
  await hasEndedWithin(record, RUNNER_SECONDS);
  await killSession(record);
}

async function hasEndedWithin(identity: ProcessIdentity, seconds: number): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000;
  while (await isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MILLISECONDS);
  }
  return true;
}

const CANCELLED: JobStatus = { kind: 'failed', reason: 'cancelled', exitCode: null };

async function readExit(record: JobRecord, folder: string): Promise<JobStatus | undefined> {
  const exit = ExitRecord.safeParse(await readJson(join(folder, 'exit.json')));
  if (!exit.success || exit.data.key !== record.key) return undefined;
  const { code, signal } = exit.data;
  if (code === 0) return { kind: 'succeeded' };
  if (await wasCancelled(folder)) return CANCELLED;
  if (code === record.requeueExitCode) return { kind: 'preempted' };
  if (code === null) return { kind: 'failed', reason: `ended by ${signal ?? 'a signal'}`, exitCode: null };
  return { kind: 'failed', reason: `exited with code ${code}`, exitCode: code };
}

async function wasCancelled(folder: string): Promise<boolean> {
  try {
    await access(join(folder, 'cancelled'));
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function readRecord(key: string, folder: string): Promise<JobRecord | undefined> {
  const record = JobRecord.safeParse(await readJson(join(folder, 'job.json')));
  return record.success && record.data.key === key ? record.data : undefined;
}

const toHandle = (record: JobRecord | undefined, folder: string): JobHandle | undefined =>
  record && { cluster: 'process', key: record.key, folder, id: String(record.pid) };
