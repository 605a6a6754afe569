import pg from 'pg';

/** A pool of connections to the store, or one connection inside a transaction: whatever runs statements. */
export type Database = pg.Pool;
export type Connection = pg.PoolClient;
export type Queryable = Pick<pg.Pool, 'query'>;

/** bigint columns hold counts and byte sizes below 2^53: read them as numbers. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * Opens a pool on the store.
 * @param url `postgres://…` connection string.
 * @param maxConnections Connections at most; a worker needs one for each writer and one for quick statements.
 */
export function openDatabase(url: string, maxConnections = 8): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: 10_000,
    application_name: 'thoughtloop',
    // A server whose machine vanished closes nothing: without probes a statement would wait for its answer for ever.
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
  });
  // An idle connection that the server drops is replaced at its next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/**
 * Begins a transaction that the server ends when nothing is said in it for a minute: a worker whose machine vanished
 * would hold its locks, and with them its shard, until the server's own keep-alive noticed, after two hours.
 */
const BEGIN = `begin; set local idle_in_transaction_session_timeout = '60s'`;

/** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
export async function withTransaction<Result>(
  database: Database,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await database.connect();
  let broken: Error | undefined;
  try {
    await connection.query(BEGIN);
    const result = await work(connection);
    await connection.query('commit');
    return result;
  } catch (error) {
    await connection.query('rollback').catch((rollbackError: unknown) => {
      broken = rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
    });
    throw error;
  } finally {
    connection.release(broken);
  }
}
