import { loadClientConnectConfig } from '@temporalio/envconfig';
import { EXIT_CODES, OperatorError } from './operator-error.ts';
import { resolveDataFolder } from './stack/data-folder.ts';
import { givenDatabaseUrl, isTemporalGiven } from './stack/stack-environment.ts';
import { readStack, type Stack } from './stack/stack.ts';

/** What `Connection.connect` and `NativeConnection.connect` take, and the namespace. */
export interface TemporalConnection {
  readonly connectionOptions: ReturnType<typeof loadClientConnectConfig>['connectionOptions'];
  readonly namespace: string;
  /** Of the Web UI, when it is ours. */
  readonly uiUrl?: string | undefined;
}

/** Where the store and Temporal are. */
export interface StackConnection {
  /** `postgresql://…`, password included: for connecting, not for showing. */
  readonly databaseUrl: string;
  readonly temporal: TemporalConnection;
}

/** Namespace of a Temporal server whose configuration names none. */
const DEFAULT_NAMESPACE = 'default';

/**
 * Where the store and Temporal are: as the environment says (DATABASE_URL; Temporal's own configuration), else those
 * of the data folder's stack. Says where they are, not that they answer.
 *
 * @param dataFolder see `resolveDataFolder`.
 * @throws OperatorError with exit code 3 when neither says.
 */
export function connect(dataFolder?: string): StackConnection {
  return { databaseUrl: connectDatabase(dataFolder), temporal: connectTemporal(dataFolder) };
}

/**
 * Where the store is.
 * @throws OperatorError with exit code 3 when neither the environment nor a stack says, 2 when DATABASE_URL is no URL.
 */
export function connectDatabase(dataFolder?: string): string {
  return givenDatabaseUrl() ?? stackOf(dataFolder, 'DATABASE_URL', (stack) => stack.databaseUrl);
}

/**
 * Where Temporal is.
 * @throws OperatorError with exit code 3 when neither the environment nor a stack says.
 */
export function connectTemporal(dataFolder?: string): TemporalConnection {
  if (isTemporalGiven()) {
    const { connectionOptions, namespace } = loadClientConnectConfig();
    return { connectionOptions, namespace: namespace ?? DEFAULT_NAMESPACE };
  }
  const { address, namespace, uiUrl } = stackOf(dataFolder, 'TEMPORAL_ADDRESS', (stack) => stack.temporal);
  return { connectionOptions: { address }, namespace, uiUrl };
}

function stackOf<Part>(
  dataFolder: string | undefined,
  variable: string,
  part: (stack: Stack) => Part | undefined,
): Part {
  const folder = resolveDataFolder(dataFolder);
  const stack = readStack(folder);
  const found = stack === undefined || stack.status === 'stopped' ? undefined : part(stack);
  if (found !== undefined) return found;
  throw new OperatorError({
    expected: `a running stack, or ${variable} in the environment`,
    found: stack === undefined ? 'no stack' : `a stack that is ${stack.status}`,
    where: folder,
    remedy: 'Run `thoughtloop up`, or name the data folder with --data or THOUGHTLOOP_DATA.',
    exitCode: EXIT_CODES.unreachable,
  });
}
