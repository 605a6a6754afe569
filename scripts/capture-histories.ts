import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connectTemporal } from './connection.ts';

/**
 * Writes the histories of a run's workflows, as replay tests read them: `<folder>/<workflow id with . for />.json`.
 *
 *     node scripts/capture-histories.ts RUN FOLDER [DATA_FOLDER]
 */
async function capture(run: string, folder: string, dataFolder?: string): Promise<void> {
  const { connectionOptions, namespace } = connectTemporal(dataFolder);
  const connection = await Connection.connect(connectionOptions);
  try {
    const client = new Client({ connection, namespace });
    await mkdir(folder, { recursive: true });
    const seen = new Map<string, number>();
    for await (const { workflowId, runId } of client.workflow.list({ query: `ThoughtloopRun = '${run}'` })) {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      // A workflow that continued as new has several histories, newest first.
      const before = seen.get(workflowId) ?? 0;
      seen.set(workflowId, before + 1);
      const name = workflowId.replaceAll('/', '.') + (before === 0 ? '' : `.before-${before}`);
      await writeFile(join(folder, `${name}.json`), `${historyToJSON(history)}\n`);
    }
  } finally {
    await connection.close();
  }
}

const [run, folder, dataFolder] = process.argv.slice(2);
if (run === undefined || folder === undefined) {
  throw new Error(
    'Expected RUN FOLDER [DATA_FOLDER], found less: node scripts/capture-histories.ts micro /tmp/histories',
  );
}
await capture(run, folder, dataFolder);
