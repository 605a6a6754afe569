import type { TestProject } from 'vitest/node';
import { startPostgresBroker } from './postgres-broker.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the broker that makes test databases. */
    postgresBroker: string;
  }
}

/** Runs once for the whole test run; PostgreSQL itself starts when the first test asks for a database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = await startPostgresBroker();
  project.provide('postgresBroker', broker.url);
  return () => broker.stop();
}
