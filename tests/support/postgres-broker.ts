import { randomBytes } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { migrate } from '../../activities/store/migrate.ts';
import { databaseUrl } from '../../scripts/stack/postgres-cluster.ts';
import { startTestPostgres, type TestPostgres } from './test-postgres.ts';

const TEMPLATE = 'template_thoughtloop';

/**
 * Makes databases for test processes: `POST /` answers with the URL of a new one, a clone of a migrated template;
 * `DELETE /<name>` removes it. One PostgreSQL for the run, started by the first request.
 */
export async function startPostgresBroker(): Promise<{ url: string; stop: () => Promise<void> }> {
  let postgres: Promise<TestPostgres> | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  /** PostgreSQL clones a template only while nobody else uses it: one after the other. */
  const inTurn = <Result>(work: (postgres: TestPostgres) => Promise<Result>): Promise<Result> => {
    const turn = queue.then(async () => work(await (postgres ??= startWithTemplate())));
    queue = turn.catch(() => undefined);
    return turn;
  };

  const server = createServer((request, response) => {
    const answer =
      request.method === 'POST'
        ? inTurn(createDatabase)
        : inTurn((running) => dropDatabase(running, (request.url ?? '').slice(1)));
    answer.then(
      (url) => end(response, 200, url),
      (error: unknown) => end(response, 500, error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      if (postgres !== undefined) await (await postgres).stop();
    },
  };
}

async function startWithTemplate(): Promise<TestPostgres> {
  const postgres = await startTestPostgres();
  await statement(postgres, `create database ${TEMPLATE}`);
  await migrate(databaseUrl(postgres, TEMPLATE));
  return postgres;
}

async function createDatabase(postgres: TestPostgres): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await statement(postgres, `create database ${name} template ${TEMPLATE}`);
  return databaseUrl(postgres, name);
}

async function dropDatabase(postgres: TestPostgres, name: string): Promise<string> {
  await statement(postgres, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
  return '';
}

async function statement(postgres: TestPostgres, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl(postgres, 'postgres') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function end(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(body);
}
