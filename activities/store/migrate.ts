import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

const FOLDER = fileURLToPath(new URL('./migrations', import.meta.url));

/** How the database's schema stands to this program's migrations. */
export type SchemaState =
  | { readonly kind: 'current'; readonly version: string }
  /** `empty` when it has none of them yet. */
  | { readonly kind: 'older'; readonly missing: readonly string[]; readonly empty: boolean }
  | { readonly kind: 'newer'; readonly unknown: readonly string[] };

/** Names of the program's migrations, in order. */
async function ownMigrations(): Promise<string[]> {
  return (await readdir(FOLDER))
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -4))
    .sort();
}

/**
 * Compares the migrations that the database has with those of this program.
 * @throws the driver's error when the database cannot be reached.
 */
export async function schemaState(databaseUrl: string): Promise<SchemaState> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 10_000,
    query_timeout: 60_000,
  });
  await client.connect();
  try {
    return await readSchemaState(client);
  } finally {
    await client.end();
  }
}

/** As {@link schemaState}, of a database that is open. */
export async function readSchemaState(database: Pick<pg.Client, 'query'>): Promise<SchemaState> {
  const exists = await database.query<{ found: boolean }>(`select to_regclass('pgmigrations') is not null as found`);
  const applied = exists.rows[0]?.found
    ? (await database.query<{ name: string }>('select name from pgmigrations order by run_on, id')).rows.map(
        (row) => row.name,
      )
    : [];
  const own = await ownMigrations();
  const unknown = applied.filter((name) => !own.includes(name));
  if (unknown.length > 0) return { kind: 'newer', unknown };
  const missing = own.filter((name) => !applied.includes(name));
  return missing.length > 0
    ? { kind: 'older', missing, empty: applied.length === 0 }
    : { kind: 'current', version: own.at(-1) ?? 'none' };
}

/**
 * Brings the database to this program's schema, under an advisory lock, each migration in a transaction.
 * @throws when the database is newer than the program: an older program must not write to it.
 */
export async function migrate(databaseUrl: string): Promise<void> {
  const state = await schemaState(databaseUrl);
  if (state.kind === 'newer') {
    throw new Error(
      `Expected a database of this program's version or older, found unknown migrations ${state.unknown.join(', ')}: ` +
        'use the newer program, or another database',
    );
  }
  await runner({
    databaseUrl,
    dir: FOLDER,
    direction: 'up',
    migrationsTable: 'pgmigrations',
    count: Infinity,
    log: () => undefined,
  });
}
