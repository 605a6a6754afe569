import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '../../activities/store/migrate.ts';
import { freePort } from '../stack/ports.ts';
import { createCluster, databaseUrl, ensureDatabase, serverCommand } from '../stack/postgres-cluster.ts';
import { spawn, type ChildProcess } from 'node:child_process';
import { identity } from '../stack/postgres-cluster.ts';

const DATABASE = 'bench';

/** A PostgreSQL server as `thoughtloop up` runs it: every commit is on the disk before it is answered. */
export interface BenchPostgres {
  readonly url: string;
  /** Process id of the postmaster. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts a server with an empty store in a folder. @param folder must be readable by every account */
export async function startBenchPostgres(folder: string): Promise<BenchPostgres> {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  const cluster = { folder: join(folder, 'data'), port: await freePort(), password: 'bench' };
  await createCluster(cluster);
  const launch = await serverCommand(cluster);
  const server = spawn(launch.command, launch.args, { ...identity(launch), stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  await untilUp(server, () => ensureDatabase(cluster, DATABASE));
  const url = databaseUrl(cluster, DATABASE);
  await migrate(url);
  return {
    url,
    pid: server.pid ?? 0,
    stop: async () => {
      // Fast and clean; the folder goes afterwards.
      server.kill('SIGINT');
      await ended;
    },
  };
}

const START_MILLISECONDS = 60_000;

async function untilUp(server: ChildProcess, ask: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + START_MILLISECONDS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}
