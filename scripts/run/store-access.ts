import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { findRun, type RunRow } from '../../activities/store/runs.ts';
import { connectDatabase } from '../connection.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';

/** Opens the store of a data folder for the time of `work`. */
export async function withStore<Result>(
  dataFolder: string | undefined,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = openDatabase(connectDatabase(dataFolder), 4);
  try {
    return await work(database);
  } finally {
    await database.end();
  }
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
