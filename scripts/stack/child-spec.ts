import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '../operator-error.ts';
import { nodeFlags } from './node-flags.ts';
import type { StopStep } from './stop-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A process that the supervisor keeps running. */
export interface ChildSpec {
  /** Also the name of its log: `<data>/logs/<name>.log`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** Environment variable by which a process of a stack is recognised: `<data folder>:<name>`. */
export const CHILD_MARK = 'THOUGHTLOOP_STACK_CHILD';

/** Names of the two servers, beside which there are the workers. */
export const POSTGRES = 'postgres';
export const TEMPORAL = 'temporal';

/** A part of the command line that tells a process of the stack from what it started itself. */
export function commandMark(name: string): string {
  if (name === POSTGRES) return 'listen_addresses=127.0.0.1';
  if (name === TEMPORAL) return 'start-dev';
  return workerMain(name);
}

/** Names of the worker processes: `control`, `sampler-1` …, `cluster`, `evaluator`. */
export function workerNames(samplers: number): string[] {
  const numbered = Array.from({ length: samplers }, (_, at) => `sampler-${at + 1}`);
  return ['control', ...numbered, 'cluster', 'evaluator'];
}

/**
 * The worker processes.
 * @param env what they all get: addresses and the data folder.
 * @throws OperatorError when a worker's program is missing.
 */
export function workerSpecs(samplers: number, env: NodeJS.ProcessEnv): ChildSpec[] {
  return workerNames(samplers).map((name, place) => {
    const main = join(ROOT, workerMain(name));
    if (!existsSync(main)) {
      throw new OperatorError({
        expected: `the program of the worker \`${name}\``,
        found: 'no such file',
        where: main,
        remedy: 'The checkout is incomplete: restore it with `git status` and `git restore`.',
      });
    }
    return {
      name,
      command: process.execPath,
      args: [...nodeFlags(name), main],
      env: withOwnMetrics(env, place),
      cwd: ROOT,
    };
  });
}

/** Prometheus finds the first worker's metrics at the port that THOUGHTLOOP_METRICS names, the others' at the next ones. */
function withOwnMetrics(env: NodeJS.ProcessEnv, place: number): NodeJS.ProcessEnv {
  const [, host, port] = /^(.+):(\d+)$/.exec(env['THOUGHTLOOP_METRICS'] ?? '') ?? [];
  return port === undefined ? env : { ...env, THOUGHTLOOP_METRICS: `${host}:${Number(port) + place}` };
}

function workerMain(name: string): string {
  return `workers/${name.replace(/-\d+$/, '')}.ts`;
}

/**
 * How a process is asked to stop. Workers finish the requests in flight; PostgreSQL's SIGINT is its fast clean
 * shutdown, SIGQUIT the one that leaves recovery to the next start.
 */
export function stopSteps(name: string): StopStep[] {
  if (name === POSTGRES) {
    return [
      { signal: 'SIGINT', milliseconds: 20_000 },
      { signal: 'SIGQUIT', milliseconds: 5_000 },
      { signal: 'SIGKILL', milliseconds: 5_000 },
    ];
  }
  return [
    { signal: 'SIGTERM', milliseconds: name === TEMPORAL ? 10_000 : 40_000 },
    { signal: 'SIGKILL', milliseconds: 5_000 },
  ];
}

/** The order in which a stack stops: what uses something before what it uses. */
export function stopOrder<Process extends { readonly name: string }>(processes: readonly Process[]): Process[][] {
  const named = (name: string): Process[] => processes.filter((process) => process.name === name);
  const workers = processes.filter(({ name }) => name !== POSTGRES && name !== TEMPORAL);
  return [workers, named(TEMPORAL), named(POSTGRES)].filter((group) => group.length > 0);
}
