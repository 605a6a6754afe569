import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { watchRun } from '../../scripts/run/watch-run.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { insertRun } from '../support/run-row.ts';

let store: TestDatabase;
let watched: Database;
let other: Database;

beforeEach(async () => {
  store = await createTestDatabase();
  watched = openDatabase(store.url);
  other = openDatabase(store.url);
  await insertRun(other, 'run');
});

afterEach(async () => {
  await watched.end();
  await other.end();
  await store.drop();
});

function watching(): { readonly shown: () => string; readonly ended: ReturnType<typeof watchRun> } {
  const out = new PassThrough().setEncoding('utf8');
  let shown = '';
  out.on('data', (text: string) => (shown += text));
  const options = { database: watched, dataFolder: '/none', run: 'run', pollMilliseconds: 1 };
  return { shown: () => shown, ended: watchRun({ ...options, out: out as unknown as NodeJS.WriteStream }) };
}

const cut = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`;

test('watching goes on behind a database that cut its connections', async () => {
  const { shown, ended } = watching();
  await eventually('the run is shown', () => shown().includes('iteration'));
  const { rowCount } = await other.query(cut);
  expect(rowCount).toBeGreaterThan(0);
  await other.query(`update runs set status = 'Completed', ended_at = now()`);
  expect((await ended).run.status).toBe('Completed');
});

test('an error that waiting does not mend ends watching at once', async () => {
  const { shown, ended } = watching();
  const refusal = expect(ended).rejects.toThrow(/relation "runs" does not exist/);
  await eventually('the run is shown', () => shown().includes('iteration'));
  await other.query('alter table runs rename to elsewhere');
  await refusal;
});
