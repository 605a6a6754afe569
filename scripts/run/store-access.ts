import { readSchemaState } from '../../activities/store/migrate.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { findRun, type RunRow } from '../../activities/store/runs.ts';
import { connectDatabase } from '../connection.ts';
import { databaseFailure, requireSchema } from '../database-failure.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { resolveDataFolder } from '../stack/data-folder.ts';
import { requireStore, type StoreUse } from '../store-refusal.ts';

/**
 * Opens the store of a data folder for the time of `work`.
 * @throws OperatorError when the database is away, full, or has another schema than this program's
 */
export async function withStore<Result>(
  dataFolder: string | undefined,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const url = connectDatabase(dataFolder);
  const database = openDatabase(url, 4);
  try {
    requireSchema(await readSchemaState(database), url);
    return await work(database);
  } catch (error) {
    throw databaseFailure(error, url);
  } finally {
    await database.end();
  }
}

/**
 * As {@link withStore} for work that writes: nothing is written where the database and the data folder contradict each
 * other.
 * @throws OperatorError also when they do
 */
export async function withWritableStore<Result>(
  dataFolder: string | undefined,
  use: StoreUse,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  return withStore(dataFolder, async (database) => {
    await requireStore({ database, dataFolder: resolveDataFolder(dataFolder) }, use);
    return work(database);
  });
}

/**
 * The run of a name.
 * @throws OperatorError when there is none
 */
export async function existingRun(database: Database, name: string): Promise<RunRow> {
  const row = await findRun(database, name);
  if (row !== null) return row;
  throw new OperatorError({
    expected: 'the name of a run',
    found: `\`${name}\`, which no run has`,
    remedy: '`thoughtloop list` shows the runs of this data folder; --data names another one.',
    exitCode: EXIT_CODES.badInput,
  });
}
