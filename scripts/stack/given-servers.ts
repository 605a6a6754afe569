import { schemaState, type SchemaState } from '../../activities/store/migrate.ts';
import { connectTemporal } from '../connection.ts';
import { databaseFailure, requireSchema } from '../database-failure.ts';
import { openTemporal } from '../open-temporal.ts';
import { givenDatabaseUrl, isTemporalGiven } from './stack-environment.ts';

/**
 * Makes sure, before anything is started or written, that the servers that the environment names answer.
 * @throws OperatorError when one is away, or the database is newer than this program.
 */
export async function requireGivenServers(): Promise<void> {
  const url = givenDatabaseUrl();
  if (url !== undefined) {
    const state = await schemaState(url).catch((error: unknown): SchemaState => {
      throw databaseFailure(error, url);
    });
    // An older schema is brought up by the start.
    if (state.kind === 'newer') requireSchema(state, url);
  }
  if (isTemporalGiven()) await (await openTemporal(connectTemporal())).close();
}
