import { WorkflowClient } from '@temporalio/client';
import { migrate, schemaState } from '../../activities/store/migrate.ts';
import { codeVersion } from '../../workers/code-version.ts';
import { connectTemporal } from '../connection.ts';
import { openTemporal } from '../open-temporal.ts';
import { OperatorError } from '../operator-error.ts';
import { openWorkflows } from './open-workflows.ts';
import { misfitCure, strandedText } from './stranded-text.ts';
import { strandedRuns } from './stranded.ts';

/**
 * Brings a database to this program's schema, unless a run waits that only older code can end: that code refuses a newer
 * schema.
 * @param dataFolder names the Temporal server, unless the environment does.
 * @throws OperatorError when such a run waits, or Temporal cannot be asked; the database is as it was then.
 */
export async function bringSchemaUp(databaseUrl: string, dataFolder: string): Promise<void> {
  const state = await schemaState(databaseUrl);
  if (state.kind === 'older' && !state.empty) await requireNoneLeftBehind(state.missing, dataFolder);
  await migrate(databaseUrl);
}

async function requireNoneLeftBehind(missing: readonly string[], dataFolder: string): Promise<void> {
  const temporal = connectTemporal(dataFolder);
  const { namespace } = temporal;
  const connection = await openTemporal(temporal);
  try {
    const open = await openWorkflows(new WorkflowClient({ connection, namespace }));
    const look = { present: codeVersion(), dataFolder, patient: true };
    const stranded = await strandedRuns(connection, namespace, open, look);
    const left = stranded.filter(({ misfit }) => misfit !== null);
    const [first] = left;
    if (first === undefined) return;
    throw new OperatorError({
      expected: `every open run to replay with this code before the database gets ${missing.join(', ')}`,
      found: left.map((run) => `run ${run.run}, which ${strandedText(run)}`).join('; '),
      where: dataFolder,
      remedy: `Nothing was changed: the older code can still work with the database. ${misfitCure(first)}`,
    });
  } finally {
    await connection.close();
  }
}
