import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../operator-error.ts';
import { POSTGRES_DATABASE, databaseUrl, type PostgresCluster } from './postgres-cluster.ts';

/** Where the embedded PostgreSQL of a data folder lives; its password is made at first use and kept in a file (0600). */
export function stackCluster(dataFolder: string, port: number): PostgresCluster {
  const folder = join(dataFolder, 'postgres');
  return { folder, port, password: password(dataFolder, existsSync(folder)) };
}

/** URL of thoughtloop's database in the embedded PostgreSQL, password included. */
export function stackDatabaseUrl(dataFolder: string, port: number): string {
  return databaseUrl(stackCluster(dataFolder, port), POSTGRES_DATABASE);
}

function password(dataFolder: string, clusterExists: boolean): string {
  const file = join(dataFolder, 'postgres-password');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  if (clusterExists) {
    throw new OperatorError({
      expected: 'the file with the password of the embedded PostgreSQL',
      found: 'no such file',
      where: file,
      remedy: 'Restore it from a backup of the data folder, or start with a new data folder.',
    });
  }
  const made = randomBytes(24).toString('base64url');
  writeFileSync(file, `${made}\n`, { mode: 0o600, flag: 'wx' });
  return made;
}
