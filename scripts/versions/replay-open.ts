/**
 * Replays open workflows with the code of this checkout: reads a `ReplayRequest` from stdin, writes a `ReplayAnswer` to
 * stdout. Its argument is the data folder. Started by `replayMisfits`.
 */
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Connection, WorkflowClient, type HistoryAndWorkflowId } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { connectTemporal } from '../connection.ts';
import { misfitReason } from './misfit-reason.ts';
import type { ReplayAnswer, ReplayRequest } from './replay.ts';

const WORKFLOWS = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

const request = (await json(process.stdin)) as ReplayRequest;
// What does not replay is the answer, not something to log; the runtime's own log would go to stdout, between it.
const logger = new DefaultLogger('ERROR', () => undefined);
Runtime.install({ logger, telemetryOptions: { logging: { forward: {} } } });
const { connectionOptions, namespace } = connectTemporal(process.argv[2]);
const connection = await Connection.connect(connectionOptions);
try {
  const client = new WorkflowClient({ connection, namespace });
  const answer: Record<string, string> = {};
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowsPath: WORKFLOWS },
    histories(client),
  )) {
    if (error !== undefined) answer[workflowId] = misfitReason(error.message);
  }
  process.stdout.write(JSON.stringify(answer satisfies ReplayAnswer));
} finally {
  await connection.close();
}

async function* histories(client: WorkflowClient): AsyncGenerator<HistoryAndWorkflowId> {
  for (const { workflowId, runId } of request) {
    yield { workflowId, history: await client.getHandle(workflowId, runId).fetchHistory() };
  }
}
