import { Connection } from '@temporalio/client';
import type { TemporalConnection } from './connection.ts';
import { EXIT_CODES, OperatorError } from './operator-error.ts';
import { isTemporalGiven } from './stack/stack-environment.ts';
import { messageOf } from './unreachable.ts';

/** Longest wait for Temporal to take a connection, milliseconds. */
const CONNECT_MILLISECONDS = 5_000;

/**
 * Connects to Temporal.
 * @throws OperatorError with exit code 3 when it does not answer
 */
export async function openTemporal({ connectionOptions }: TemporalConnection): Promise<Connection> {
  try {
    return await Connection.connect({ ...connectionOptions, connectTimeout: CONNECT_MILLISECONDS });
  } catch (error) {
    throw new OperatorError({
      expected: `Temporal to answer within ${CONNECT_MILLISECONDS / 1_000} s`,
      found: messageOf(error),
      where: connectionOptions.address ?? 'localhost:7233',
      remedy: `${
        isTemporalGiven()
          ? 'Start that server, or mend TEMPORAL_ADDRESS or the profile that names it'
          : 'Run `thoughtloop up`'
      }; \`thoughtloop doctor\` checks it.`,
      exitCode: EXIT_CODES.unreachable,
      cause: error,
    });
  }
}
