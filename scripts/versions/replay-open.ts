/**
 * Replays open workflows with the code of this checkout: reads a `ReplayRequest` from stdin, writes a line with
 * a `ReplayAnswer` for each to stdout. Its argument is the data folder. Started by `replayMisfits`.
 */
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Connection, WorkflowClient, type HistoryAndWorkflowId } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { connectTemporal } from '../connection.ts';
import { answered } from '../temporal-answer.ts';
import { misfitReason } from './misfit-reason.ts';
import type { ReplayAnswer, ReplayRequest } from './replay.ts';

const WORKFLOWS = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

/** Longest wait for a history, which may have many pages, milliseconds. */
const HISTORY_MILLISECONDS = 30_000;

const request = (await json(process.stdin)) as ReplayRequest;
// What does not replay is the answer, not something to log; the runtime's own log would go to stdout, between it.
const logger = new DefaultLogger('ERROR', () => undefined);
Runtime.install({ logger, telemetryOptions: { logging: { forward: {} } } });
const { connectionOptions, namespace } = connectTemporal(process.argv[2]);
const connection = await Connection.connect(connectionOptions);
try {
  const client = new WorkflowClient({ connection, namespace });
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowsPath: WORKFLOWS },
    histories(client),
  )) {
    const misfit = error === undefined ? null : misfitReason(error.message);
    process.stdout.write(`${JSON.stringify({ workflowId, misfit } satisfies ReplayAnswer)}\n`);
  }
} finally {
  await connection.close();
}

async function* histories(client: WorkflowClient): AsyncGenerator<HistoryAndWorkflowId> {
  for (const { workflowId, runId } of request) {
    const handle = client.getHandle(workflowId, runId);
    yield { workflowId, history: await answered(client, () => handle.fetchHistory(), HISTORY_MILLISECONDS) };
  }
}
