import { schemaState, type SchemaState } from '../../activities/store/migrate.ts';
import { connectTemporal } from '../connection.ts';
import { databaseFailure, requireSchema } from '../database-failure.ts';
import { openTemporal } from '../open-temporal.ts';
import { requireByUrl } from '../store-refusal.ts';
import { givenDatabaseUrl, isTemporalGiven } from './stack-environment.ts';

/**
 * Makes sure, before anything is started or written, that the servers that the environment names answer, and that the
 * database is the data folder's.
 * @param adopt whether it is to become the data folder's
 * @throws OperatorError when one is away, or the database is newer than this program or belongs to another data folder.
 */
export async function requireGivenServers(dataFolder: string, adopt: boolean): Promise<void> {
  const url = givenDatabaseUrl();
  if (url !== undefined) {
    const state = await schemaState(url).catch((error: unknown): SchemaState => {
      throw databaseFailure(error, url);
    });
    // An older schema is brought up by the start.
    if (state.kind === 'newer') requireSchema(state, url);
    if (state.kind === 'current' && !adopt) await requireByUrl(url, dataFolder);
  }
  if (isTemporalGiven()) await (await openTemporal(connectTemporal())).close();
}
