import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { longStatement, NO_ANSWER, openDatabase, withTransaction, type Database } from '../../activities/store/pool.ts';
import { isDatabaseAway } from '../../scripts/database-failure.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let store: TestDatabase;
let database: Database;

beforeAll(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url, 2, 300);
});

afterAll(async () => {
  await database.end();
  await store.drop();
});

describe('nothing waits for a database for ever', () => {
  it('a statement that is not answered in time fails, and its connection is not used again', async () => {
    const thrown: unknown = await database.query('select pg_sleep(60)').catch((error: unknown) => error);
    expect(thrown).toMatchObject({ message: NO_ANSWER });
    expect(isDatabaseAway(thrown)).toBe(true);
    expect(database.totalCount).toBe(0);
    expect((await database.query<{ one: number }>('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('a transaction with such a statement ends with its connection', async () => {
    const work = withTransaction(database, (connection) => connection.query('select pg_sleep(60)'));
    await expect(work).rejects.toThrow(NO_ANSWER);
    expect((await database.query<{ one: number }>('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('a statement over a whole E-step gets longer', async () => {
    const { rows } = await database.query<{ one: number }>(longStatement('select 1 as one, pg_sleep(0.5)'));
    expect(rows[0]?.one).toBe(1);
  });

  it('a transaction waits for locks and for its statements no longer than its worker does', async () => {
    const shown = await withTransaction(database, (connection) =>
      connection.query<{ lock: string; statement: string }>(
        `select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement`,
      ),
    );
    expect(shown.rows).toEqual([{ lock: '2min', statement: '1h' }]);
  });

  it('a server that takes the connection and says nothing is given up', async () => {
    const sockets = new Set<Socket>();
    const silent: Server = createServer((socket) => sockets.add(socket));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const hung = openDatabase(`postgres://nobody:none@127.0.0.1:${port}/none`, 1, 300);
    await expect(hung.query('select 1')).rejects.toThrow(/timeout/);
    for (const socket of sockets) socket.destroy();
    silent.close();
    await hung.end();
  });
});
