import { Client, Connection } from '@temporalio/client';
import { connectTemporal, type TemporalConnection } from '../connection.ts';

/** Longest wait for Temporal to take a connection, milliseconds. */
const CONNECT_MILLISECONDS = 5_000;

/** Opens a client of the data folder's Temporal for the time of `work`. */
export async function withTemporal<Result>(
  dataFolder: string | undefined,
  work: (client: Client, where: TemporalConnection) => Promise<Result>,
): Promise<Result> {
  const where = connectTemporal(dataFolder);
  const connection = await Connection.connect({ ...where.connectionOptions, connectTimeout: CONNECT_MILLISECONDS });
  try {
    return await work(new Client({ connection, namespace: where.namespace }), where);
  } finally {
    await connection.close();
  }
}
