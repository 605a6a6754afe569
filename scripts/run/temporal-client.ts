import { Client, Connection } from '@temporalio/client';
import { connectTemporal, type TemporalConnection } from '../connection.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { isTemporalGiven } from '../stack/stack-environment.ts';
import { messageOf } from '../unreachable.ts';

/** Longest wait for Temporal to take a connection, milliseconds. */
const CONNECT_MILLISECONDS = 5_000;

/**
 * Opens a client of the data folder's Temporal for the time of `work`.
 * @throws OperatorError when it does not answer
 */
export async function withTemporal<Result>(
  dataFolder: string | undefined,
  work: (client: Client, where: TemporalConnection) => Promise<Result>,
): Promise<Result> {
  const where = connectTemporal(dataFolder);
  const connection = await openConnection(where);
  try {
    return await work(new Client({ connection, namespace: where.namespace }), where);
  } finally {
    await connection.close();
  }
}

async function openConnection({ connectionOptions }: TemporalConnection): Promise<Connection> {
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
