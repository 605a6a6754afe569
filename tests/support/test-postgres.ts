import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createCluster,
  ensureDatabase,
  identity,
  serverCommand,
  type PostgresCluster,
} from '../../scripts/stack/postgres-cluster.ts';
import { freePort } from '../../scripts/stack/ports.ts';
import { eventually } from './eventually.ts';

/** A PostgreSQL server of its own, in a temporary folder. */
export interface TestPostgres extends PostgresCluster {
  stop(): Promise<void>;
}

/** What the loss of a test's data on a power cut does not need. */
const WITHOUT_DURABILITY = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/** Starts a PostgreSQL server; the test run's files share one, see `createTestDatabase`. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'thoughtloop-postgres-'));
  // For the account that PostgreSQL runs as when tests run as root.
  chmodSync(folder, 0o755);
  const cluster = { folder: join(folder, 'data'), port: await freePort(), password: 'test' };
  await createCluster(cluster);
  const launch = await serverCommand(cluster, WITHOUT_DURABILITY);
  const server = spawn(launch.command, launch.args, { ...identity(launch), stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4_000)));
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const endWithRun = (): void => void server.kill('SIGQUIT');
  process.once('exit', endWithRun);
  await eventually(`PostgreSQL answers on port ${cluster.port}`, async () => {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended while starting:\n${log}`);
    return ensureDatabase(cluster, 'postgres').then(
      () => true,
      () => false,
    );
  });
  return {
    ...cluster,
    stop: async () => {
      process.off('exit', endWithRun);
      // SIGQUIT: without its clean shutdown, since the data goes too.
      server.kill('SIGQUIT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
