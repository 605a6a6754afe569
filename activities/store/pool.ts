import pg from 'pg';

/** A pool of connections to the store, or one connection inside a transaction: whatever runs statements. */
export type Database = pg.Pool;
export type Connection = pg.PoolClient;
export type Queryable = Pick<pg.Pool, 'query'>;

/** bigint columns hold counts and byte sizes below 2^53: read them as numbers. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * Longest wait for an answer to a statement, milliseconds. None reads more than a batch of documents or a shard, but for
 * those that are {@link longStatement}. A server that accepts connections and answers nothing (a stopped process, a stuck disk)
 * would be waited for without end.
 */
const STATEMENT_MS = 300_000;

/** The same for a statement over a whole E-step or split: tens of millions of rows, minutes on a common disk. */
export const LONG_STATEMENT_MS = 3_600_000;

/** A statement over a whole E-step or split, which gets the time for it. */
export const longStatement = (
  text: string,
  values: readonly unknown[] = [],
): pg.QueryConfig & { query_timeout: number } => ({
  text,
  values: [...values],
  query_timeout: LONG_STATEMENT_MS,
});

/** What the driver says of an answer that did not come in time; it has no code. */
export const NO_ANSWER = 'Query read timeout';

/**
 * Opens a pool on the store.
 * @param url `postgres://…` connection string.
 * @param maxConnections Connections at most; a worker needs one for each writer and one for quick statements.
 * @param statementMs Longest wait for an answer to a statement that is not {@link longStatement}.
 */
export function openDatabase(url: string, maxConnections = 8, statementMs = STATEMENT_MS): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: 10_000,
    query_timeout: statementMs,
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
 * would hold its locks, and with them its shard, until the server's own keep-alive noticed, after two hours. A statement
 * of it ends when nobody can be waiting for its answer any more, and waits for a lock for two minutes: no transaction
 * holds one that others need for as long.
 */
const BEGIN =
  `begin; set local idle_in_transaction_session_timeout = '60s'; set local lock_timeout = '120s'; ` +
  `set local statement_timeout = '${LONG_STATEMENT_MS}ms'`;

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
    // A server that did not answer in time answers no rollback either; the end of its connection is one.
    if (error instanceof Error && error.message === NO_ANSWER) broken = error;
    else {
      await connection.query('rollback').catch((rollbackError: unknown) => {
        broken = rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
      });
    }
    throw error;
  } finally {
    connection.release(broken);
  }
}
