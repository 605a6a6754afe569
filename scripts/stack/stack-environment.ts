import { loadClientConfigProfile } from '@temporalio/envconfig';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { EMBEDDED_NAMESPACE, type StackState } from './stack-state.ts';

/**
 * DATABASE_URL of the environment; undefined when unset or empty.
 * @throws OperatorError when it is not the URL of a PostgreSQL database.
 */
export function givenDatabaseUrl(): string | undefined {
  const url = process.env['DATABASE_URL'] || undefined;
  if (url === undefined || (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url))) return url;
  // What is there is not shown: it may hold a password.
  throw new OperatorError({
    expected: 'postgresql://user:password@host:port/database in DATABASE_URL',
    found: 'something that is no such URL',
    remedy: 'Mend it, or unset it to use the database of `thoughtloop up`.',
    exitCode: EXIT_CODES.badInput,
  });
}

/**
 * Whether the environment or a profile of Temporal's own configuration file names a Temporal server.
 * @throws OperatorError when the configuration is invalid.
 */
export function isTemporalGiven(): boolean {
  try {
    return loadClientConfigProfile().address !== undefined;
  } catch (error) {
    throw new OperatorError({
      expected: "Temporal's client configuration to be valid",
      found: (error as Error).message.split('\n')[0] ?? '',
      where: process.env['TEMPORAL_CONFIG_FILE'] ?? 'TEMPORAL_* and temporal.toml',
      remedy: 'Mend it, or unset it to use the server of `thoughtloop up`.',
      exitCode: EXIT_CODES.badInput,
      cause: error,
    });
  }
}

/**
 * What a worker of the stack finds in its environment.
 * @param codeVersion the version that it must be of.
 */
export function workerEnvironment(
  dataFolder: string,
  databaseUrl: string,
  temporal: StackState['temporal'],
  codeVersion: string,
): NodeJS.ProcessEnv {
  const shared = {
    ...process.env,
    THOUGHTLOOP_DATA: dataFolder,
    DATABASE_URL: databaseUrl,
    THOUGHTLOOP_CODE_VERSION: codeVersion,
  };
  if (temporal.kind === 'given') return shared;
  return {
    ...Object.fromEntries(Object.entries(shared).filter(([name]) => !name.startsWith('TEMPORAL_'))),
    TEMPORAL_ADDRESS: `127.0.0.1:${temporal.port}`,
    TEMPORAL_NAMESPACE: EMBEDDED_NAMESPACE,
  };
}
