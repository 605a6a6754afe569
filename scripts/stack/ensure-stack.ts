import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { joinByUrl } from '../store-refusal.ts';
import { workerSpecs } from './child-spec.ts';
import { prepareDataFolder, resolveDataFolder } from './data-folder.ts';
import { poll } from './deadline.ts';
import { endLeftovers } from './leftovers.ts';
import { choosePort } from './ports.ts';
import { requireGivenServers } from './given-servers.ts';
import { givenDatabaseUrl, isTemporalGiven } from './stack-environment.ts';
import { ADOPT } from './supervisor-arguments.ts';
import { requireOwnHost } from './stack-host.ts';
import { withStackLock } from './stack-lock.ts';
import { readState, writeState, type StackState } from './stack-state.ts';
import { isSupervised, toStack, type Stack } from './stack.ts';
import { findTemporal } from './temporal-program.ts';

const SUPERVISOR = fileURLToPath(new URL('./supervisor.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const DEFAULT_SAMPLERS = 1;
/** Each part has two minutes of its own. */
const START_MILLISECONDS = 8 * 60_000;
const POLL_MILLISECONDS = 100;

/** What `up` is asked for. What is not said stays as it was in this data folder. */
export interface StackOptions {
  /** See `resolveDataFolder`. */
  readonly dataFolder?: string | undefined;
  /** Sampler processes. @default 1 */
  readonly samplers?: number | undefined;
  /** Whether to run workers beside the servers. @default true */
  readonly workers?: boolean | undefined;
  readonly temporalPort?: number | undefined;
  readonly uiPort?: number | undefined;
  readonly postgresPort?: number | undefined;
  /** Makes the database and the data folder belong together where they do not. */
  readonly adopt?: boolean | undefined;
  /** Takes the data folder over from a stack of another machine, which is gone for good. */
  readonly takeOver?: boolean | undefined;
  /** Gets a line for each step worth telling. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

/**
 * Makes sure that the stack of a data folder runs: PostgreSQL and Temporal, each unless the environment names one
 * (DATABASE_URL, Temporal's own configuration), the schema, and the workers.
 *
 * A running stack is left as it is. What a killed one left behind is ended first, and its data and ports are taken
 * over. The stack runs on after this process.
 *
 * @throws OperatorError when it cannot be started, runs with other settings than those asked for, or a server that the
 *   environment names is away or newer than this program.
 */
export async function ensureStack(options: StackOptions = {}): Promise<Stack & { readonly started: boolean }> {
  const tell = options.onProgress ?? (() => undefined);
  const dataFolder = prepareDataFolder(resolveDataFolder(options.dataFolder));
  return withStackLock(dataFolder, tell, async () => {
    const former = readState(dataFolder);
    const { adopt = false } = options;
    if (options.takeOver !== true) requireOwnHost(dataFolder, former);
    if (former !== undefined && isSupervised(former)) {
      requireSameSettings(dataFolder, former, options);
      const state = former.status === 'ready' ? former : await untilReady(dataFolder);
      const stack = toStack(dataFolder, state);
      if (adopt && stack.databaseUrl !== undefined) await joinByUrl(stack.databaseUrl, dataFolder, adopt);
      return { ...stack, started: false };
    }
    await requireGivenServers(dataFolder, adopt);
    const ended = await endLeftovers(dataFolder, former);
    if (ended.length > 0) tell(`ended what an earlier stack left behind: ${ended.join(', ')}`);
    writeState(dataFolder, await plan(dataFolder, former, options));
    tell(`starting in ${dataFolder} …`);
    spawnSupervisor(dataFolder, adopt);
    return { ...toStack(dataFolder, await untilReady(dataFolder)), started: true };
  });
}

async function plan(dataFolder: string, former: StackState | undefined, options: StackOptions): Promise<StackState> {
  const workers = options.workers ?? true;
  const samplers = options.samplers ?? former?.samplers ?? DEFAULT_SAMPLERS;
  if (workers) workerSpecs(samplers, {});
  const taken: number[] = [];
  const port = async (option: string, fixed?: number, before?: number): Promise<number> => {
    const chosen = await choosePort({ option, fixed, former: before }, taken);
    taken.push(chosen);
    return chosen;
  };
  const formerPostgres = former?.postgres.kind === 'embedded' ? former.postgres : undefined;
  const formerTemporal = former?.temporal.kind === 'embedded' ? former.temporal : undefined;
  const postgres: StackState['postgres'] =
    givenDatabaseUrl() === undefined
      ? { kind: 'embedded', port: await port('--postgres-port', options.postgresPort, formerPostgres?.port) }
      : { kind: 'given' };
  if (isTemporalGiven()) return { ...blank(workers, samplers), postgres, temporal: { kind: 'given' } };
  const fileExists = existsSync(join(dataFolder, 'temporal.db'));
  const { path, version } = findTemporal(fileExists ? formerTemporal?.version : undefined);
  const temporal: StackState['temporal'] = {
    kind: 'embedded',
    port: await port('--temporal-port', options.temporalPort, formerTemporal?.port),
    uiPort: await port('--ui-port', options.uiPort, formerTemporal?.uiPort),
    program: path,
    version,
  };
  return { ...blank(workers, samplers), postgres, temporal };
}

function blank(workers: boolean, samplers: number): Omit<StackState, 'postgres' | 'temporal'> {
  return { version: 1, status: 'starting', host: hostname(), workers, samplers, processes: [] };
}

function spawnSupervisor(dataFolder: string, adopt: boolean): void {
  const log = openSync(join(dataFolder, 'logs', 'supervisor.log'), 'a');
  const child = spawn(process.execPath, [SUPERVISOR, dataFolder, ...(adopt ? [ADOPT] : [])], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
}

async function untilReady(dataFolder: string): Promise<StackState> {
  let seen = false;
  const outcome = await poll(
    () => {
      const state = readState(dataFolder);
      if (state === undefined || state.status === 'ready' || state.status === 'failed') return { state };
      const supervised = isSupervised(state);
      // Between its first and its last report the supervisor is alive, unless it was killed.
      if (seen && !supervised) return { state };
      seen ||= supervised;
      return undefined;
    },
    START_MILLISECONDS,
    POLL_MILLISECONDS,
  );
  const state = 'answer' in outcome ? outcome.answer.state : readState(dataFolder);
  if (state?.status === 'ready') return state;
  if (state?.failure !== undefined) throw new OperatorError(state.failure);
  throw new OperatorError({
    expected: 'the stack to start',
    found: `that it is ${state?.status ?? 'gone'}`,
    where: join(dataFolder, 'logs'),
    remedy: 'The logs there say more; `thoughtloop doctor` checks each part.',
    exitCode: EXIT_CODES.failure,
  });
}

function requireSameSettings(dataFolder: string, state: StackState, options: StackOptions): void {
  const temporal = state.temporal.kind === 'embedded' ? state.temporal : undefined;
  const postgres = state.postgres.kind === 'embedded' ? state.postgres : undefined;
  const differences = (
    [
      ['--samplers', options.samplers, state.samplers],
      ['--temporal-port', options.temporalPort, temporal?.port],
      ['--ui-port', options.uiPort, temporal?.uiPort],
      ['--postgres-port', options.postgresPort, postgres?.port],
      ['workers', options.workers ?? true, state.workers],
    ] as const
  ).filter(([, wished, real]) => wished !== undefined && wished !== real);
  if (differences.length === 0) return;
  throw new OperatorError({
    expected: `a stack with ${differences.map(([name, wished]) => `${name} ${wished}`).join(', ')}`,
    found: `one that runs with ${differences.map(([name, , real]) => `${name} ${real ?? 'none of its own'}`).join(', ')}`,
    where: dataFolder,
    remedy: 'Run `thoughtloop down`, then `thoughtloop up` with the new settings: runs go on where they were.',
    exitCode: EXIT_CODES.badInput,
  });
}
