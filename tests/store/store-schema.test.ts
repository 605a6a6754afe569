import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXIT_CODES } from '../../scripts/operator-error.ts';
import { thoughtloop } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let store: TestDatabase;

beforeEach(async () => {
  store = await createTestDatabase();
});

afterEach(async () => {
  await store.drop();
});

async function change(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: store.url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

test('a database older than the program is refused with the commands that bring it up', async () => {
  await change('drop schema public cascade; create schema public');
  const { code, stderr } = await thoughtloop(['list'], { DATABASE_URL: store.url });
  expect(code).toBe(EXIT_CODES.failure);
  expect(stderr).toMatch(/found one that lacks 000001_init\b.*`thoughtloop up` or `thoughtloop doctor --fix`/);
  expect(stderr).not.toContain('    at ');
});

test('a database newer than the program is refused by every command', async () => {
  await change(`insert into pgmigrations (name, run_on) values ('999999_of_tomorrow', now())`);
  const { code, stderr } = await thoughtloop(['status', 'any'], { DATABASE_URL: store.url });
  expect(code).toBe(EXIT_CODES.failure);
  expect(stderr).toMatch(/found one with 999999_of_tomorrow.*newer thoughtloop/);
});

test('documents and cuts, which come by the million, have no keys to other tables that are checked row by row', async () => {
  const client = new pg.Client({ connectionString: store.url });
  await client.connect();
  const { rows } = await client.query(
    `select conname from pg_constraint where contype = 'f' and conrelid in ('documents'::regclass, 'cuts'::regclass)`,
  );
  await client.end();
  expect(rows).toEqual([]);
});
