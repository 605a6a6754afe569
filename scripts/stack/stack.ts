import { join } from 'node:path';
import { isAlive } from '../setup/process-identity.mjs';
import { resolveDataFolder } from './data-folder.ts';
import { stackDatabaseUrl } from './stack-database.ts';
import { givenDatabaseUrl } from './stack-environment.ts';
import { EMBEDDED_NAMESPACE, readState, type StackProcess, type StackState } from './stack-state.ts';

/** A data folder's stack, as the people and programs that use it see it. */
export interface Stack {
  readonly dataFolder: string;
  /** `ready` and its supervisor is alive, or something else. */
  readonly running: boolean;
  readonly status: StackState['status'];
  readonly failure?: string | undefined;
  readonly workers: boolean;
  readonly samplers: number;
  /** Password included: for connecting, not for showing. Undefined when DATABASE_URL gave it and gives it no more. */
  readonly databaseUrl?: string | undefined;
  /** Undefined when the environment names the Temporal server. */
  readonly temporal?: { readonly address: string; readonly namespace: string; readonly uiUrl: string } | undefined;
  /** Version of the workers' code; undefined without workers. */
  readonly codeVersion?: string | undefined;
  /** What the person should know about how the start went, a line each. */
  readonly notices: readonly string[];
  readonly processes: readonly StackProcess[];
  readonly logs: string;
}

/**
 * Reads what is known of the stack of a data folder.
 * @param dataFolder see `resolveDataFolder`.
 * @returns undefined when none was ever started there.
 */
export function readStack(dataFolder?: string): Stack | undefined {
  const folder = resolveDataFolder(dataFolder);
  const state = readState(folder);
  return state === undefined ? undefined : toStack(folder, state);
}

/** Whether the stack's supervisor is at work. */
export function isSupervised(state: StackState | undefined): boolean {
  return state?.supervisor !== undefined && isAlive(state.supervisor);
}

/** What the state of a data folder means to those who use the stack. */
export function toStack(dataFolder: string, state: StackState): Stack {
  const { status, failure, workers, samplers, postgres, temporal, codeVersion, notices = [], processes } = state;
  return {
    dataFolder,
    running: status === 'ready' && isSupervised(state),
    status,
    failure,
    workers,
    samplers,
    databaseUrl: postgres.kind === 'given' ? givenDatabaseUrl() : stackDatabaseUrl(dataFolder, postgres.port),
    temporal:
      temporal.kind === 'given'
        ? undefined
        : {
            address: `127.0.0.1:${temporal.port}`,
            namespace: EMBEDDED_NAMESPACE,
            uiUrl: `http://127.0.0.1:${temporal.uiPort}`,
          },
    codeVersion,
    notices,
    processes,
    logs: join(dataFolder, 'logs'),
  };
}
