import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, type ProcessIdentity } from '../../setup/process-identity.mjs';
import { poll } from '../../stack/deadline.ts';
import { childrenOf, signalProcess } from '../process-tree.ts';
import { SAMPLERS, type World } from '../world.ts';
import type { Inject, Target } from './target.ts';

const DYING_MILLISECONDS = 60_000;

/** `kill -9` of one process of the stack. */
export function killOfStack(name: string | ((draw: number) => string)): Inject {
  return async ({ world, draw }) => {
    const wanted = typeof name === 'string' ? name : name(draw);
    const found = world.state.processes.find((process) => process.name === wanted);
    if (found?.state !== 'running' || !signalProcess(found.pid, 'SIGKILL', found.start)) return null;
    return wanted;
  };
}

/** Name of one of the samplers. */
export const someSampler = (draw: number): string => `sampler-${1 + (draw % SAMPLERS)}`;

/** `kill -9` of the supervisor alone; `up` then ends what it left and starts all anew. */
export const killSupervisor: Inject = async ({ world }) => {
  const { supervisor } = world.state;
  if (supervisor === undefined || !signalProcess(supervisor.pid, 'SIGKILL', supervisor.start)) return null;
  await gone([supervisor]);
  await world.up();
  return 'and brought up again';
};

/** `kill -9` of supervisor, servers and workers at once; jobs live in sessions of their own. */
export const killEverything: Inject = async ({ world }) => {
  const killed = await killStack(world);
  if (killed === 0) return null;
  await world.up();
  return `${killed} processes, and brought up again`;
};

/** Kills all processes of the stack at once and waits for their end. @returns how many; 0 without a supervisor */
export async function killStack({ state }: World): Promise<number> {
  const { supervisor, processes } = state;
  if (supervisor === undefined) return 0;
  const all = [supervisor, ...processes];
  for (const { pid, start } of all) signalProcess(pid, 'SIGKILL', start);
  await gone(all);
  return all.length;
}

/** `kill -9` of what a job runs, or of the runner above it. */
export function killJob(kind: 'server' | 'training', what: 'program' | 'runner'): Inject {
  return async ({ world, run, draw }) => {
    const jobs = await runningJobs(world, run, kind);
    const job = jobs[draw % Math.max(1, jobs.length)];
    if (job === undefined) return null;
    const [program] = childrenOf(job.pid);
    const pid = what === 'runner' ? job.pid : program;
    return pid !== undefined && signalProcess(pid, 'SIGKILL') ? job.key : null;
  };
}

/** A signal is only sent when `kill` returns: waits until the processes have ended. */
async function gone(processes: readonly ProcessIdentity[]): Promise<void> {
  const outcome = await poll(() => (processes.some(isAlive) ? undefined : true), DYING_MILLISECONDS, 10);
  if (!('answer' in outcome)) throw new Error('Expected killed processes to end within a minute');
}

interface RunningJob {
  readonly key: string;
  /** Process id of its runner. */
  readonly pid: number;
}

async function runningJobs({ database, data }: World, run: Target['run'], kind: string): Promise<RunningJob[]> {
  const { rows } = await database.query<{ key: string; folder: string }>(
    `select key, folder from jobs where run = $1 and kind = $2 and state = 'running' order by key`,
    [run, kind],
  );
  return rows.flatMap(({ key, folder }) => {
    try {
      const { pid } = JSON.parse(readFileSync(join(data, folder, 'job.json'), 'utf8')) as { pid: number };
      return childrenOf(pid).length > 0 ? [{ key, pid }] : [];
    } catch {
      // It has not recorded itself yet.
      return [];
    }
  });
}
