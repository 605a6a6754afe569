import { inject } from 'vitest';

/** A database of a test's own, with the schema and nothing in it. */
export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/**
 * Makes a database with the current schema, on the PostgreSQL that the test run shares. About 50 ms; the first one of
 * a run also starts the server.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const broker = inject('postgresBroker');
  const url = await ask(broker, 'POST');
  const name = new URL(url).pathname.slice(1);
  return {
    url,
    drop: async () => {
      await ask(`${broker}/${name}`, 'DELETE');
    },
  };
}

async function ask(url: string, method: string): Promise<string> {
  const response = await fetch(url, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`Expected a test database, found: ${text}`);
  return text;
}
