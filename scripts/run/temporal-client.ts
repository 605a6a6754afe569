import { Client } from '@temporalio/client';
import { connectTemporal, type TemporalConnection } from '../connection.ts';
import { openTemporal } from '../open-temporal.ts';

/**
 * Opens a client of the data folder's Temporal for the time of `work`.
 * @throws OperatorError when it does not answer
 */
export async function withTemporal<Result>(
  dataFolder: string | undefined,
  work: (client: Client, where: TemporalConnection) => Promise<Result>,
): Promise<Result> {
  const where = connectTemporal(dataFolder);
  const connection = await openTemporal(where);
  try {
    return await work(new Client({ connection, namespace: where.namespace }), where);
  } finally {
    await connection.close();
  }
}
