import { loadClientConfigProfile } from '@temporalio/envconfig';
import { EMBEDDED_NAMESPACE, type StackState } from './stack-state.ts';

/** DATABASE_URL of the environment; undefined when unset or empty. */
export function givenDatabaseUrl(): string | undefined {
  return process.env['DATABASE_URL'] || undefined;
}

/**
 * Whether the environment or a profile of Temporal's own configuration file names a Temporal server.
 * @throws envconfig's error when the configuration is invalid.
 */
export function isTemporalGiven(): boolean {
  return loadClientConfigProfile().address !== undefined;
}

/** What a worker of the stack finds in its environment. */
export function workerEnvironment(
  dataFolder: string,
  databaseUrl: string,
  temporal: StackState['temporal'],
): NodeJS.ProcessEnv {
  const shared = { ...process.env, THOUGHTLOOP_DATA: dataFolder, DATABASE_URL: databaseUrl };
  if (temporal.kind === 'given') return shared;
  return {
    ...Object.fromEntries(Object.entries(shared).filter(([name]) => !name.startsWith('TEMPORAL_'))),
    TEMPORAL_ADDRESS: `127.0.0.1:${temporal.port}`,
    TEMPORAL_NAMESPACE: EMBEDDED_NAMESPACE,
  };
}
