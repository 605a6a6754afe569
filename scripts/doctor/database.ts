import pg from 'pg';
import { schemaState } from '../../activities/store/migrate.ts';
import { connectDatabase } from '../connection.ts';
import { bringSchemaUp } from '../versions/bring-schema-up.ts';
import { attempt, right, wrong, type Check } from './check.ts';
import { storeCheck } from './store.ts';

const CONNECT_MILLISECONDS = 5_000;

/** COPY, `merge`, and builtin locales are older; nothing before 14 is maintained. */
const OLDEST_POSTGRES = 14;

const START = 'Run `thoughtloop up`, or set DATABASE_URL to a PostgreSQL that answers.';

/**
 * The database: whether it answers, its schema, and whether it belongs to the data folder.
 * @param fix brings an older schema up to this program's.
 * @param adopt makes database and data folder belong together.
 */
export async function databaseChecks(dataFolder: string, fix: boolean, adopt: boolean): Promise<Check[]> {
  const reached = await attempt('PostgreSQL', START, () => serverCheck(connectDatabase(dataFolder)));
  if (!reached.ok) return [reached];
  const cure = 'Run `thoughtloop doctor --fix`, or look at what it says.';
  const schema = await attempt('schema', cure, () => schemaCheck(connectDatabase(dataFolder), dataFolder, fix));
  if (!schema.ok) return [reached, schema];
  const look = (): Promise<Check> => storeCheck(connectDatabase(dataFolder), dataFolder, adopt);
  return [reached, schema, await attempt('store and files', START, look)];
}

async function serverCheck(databaseUrl: string): Promise<Check> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    query_timeout: 60_000,
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string; number: string }>(
      `select current_setting('server_version') as version, current_setting('server_version_num') as number`,
    );
    const version = rows[0]?.version ?? 'unknown';
    const found = `${version} at ${client.host}:${client.port}, database ${client.database}`;
    return Number(rows[0]?.number) >= OLDEST_POSTGRES * 10_000
      ? right('PostgreSQL', found)
      : wrong('PostgreSQL', found, `Use PostgreSQL ${OLDEST_POSTGRES} or newer.`);
  } finally {
    await client.end();
  }
}

async function schemaCheck(databaseUrl: string, dataFolder: string, fix: boolean): Promise<Check> {
  const before = await schemaState(databaseUrl);
  if (before.kind === 'older' && fix) await bringSchemaUp(databaseUrl, dataFolder);
  const state = before.kind === 'older' && fix ? await schemaState(databaseUrl) : before;
  switch (state.kind) {
    case 'current':
      return right('schema', before.kind === 'older' ? `${state.version} (brought up just now)` : state.version);
    case 'older':
      return wrong(
        'schema',
        `lacks ${state.missing.join(', ')}`,
        'Run `thoughtloop doctor --fix` or `thoughtloop up`.',
      );
    case 'newer':
      return wrong(
        'schema',
        `has ${state.unknown.join(', ')}, which this program does not know`,
        'Use the newer thoughtloop that made it, or another database.',
      );
  }
}
