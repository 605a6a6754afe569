import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { TestDatabase } from './postgres.ts';

/**
 * Copies a test's database as it is now: what a backup of it would be. Nobody may be connected to it meanwhile.
 */
export async function copyDatabase({ url }: Pick<TestDatabase, 'url'>): Promise<TestDatabase> {
  const from = new URL(url);
  const [source, name] = [from.pathname.slice(1), `test_${randomBytes(6).toString('hex')}`];
  const statement = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: Object.assign(new URL(url), { pathname: '/postgres' }).href });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await statement(`create database ${name} template ${pg.escapeIdentifier(source)}`);
  return {
    url: Object.assign(new URL(url), { pathname: `/${name}` }).href,
    drop: () => statement(`drop database if exists ${name} with (force)`),
  };
}
