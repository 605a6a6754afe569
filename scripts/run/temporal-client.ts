import { Client } from '@temporalio/client';
import { connectTemporal, type TemporalConnection } from '../connection.ts';
import { openTemporal } from '../open-temporal.ts';

/** Longest time for all that is asked at once, milliseconds. */
const ANSWER_MS = 60_000;

/**
 * Opens a client of the data folder's Temporal for the time of `work`, a minute at most.
 * @throws OperatorError when it does not take the connection
 */
export async function withTemporal<Result>(
  dataFolder: string | undefined,
  work: (client: Client, where: TemporalConnection) => Promise<Result>,
): Promise<Result> {
  const where = connectTemporal(dataFolder);
  const connection = await openTemporal(where);
  try {
    const client = new Client({ connection, namespace: where.namespace });
    return await connection.withDeadline(Date.now() + ANSWER_MS, () => work(client, where));
  } finally {
    await connection.close();
  }
}
