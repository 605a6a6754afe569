import { once } from 'node:events';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Connection, isGrpcDeadlineError, WorkflowClient } from '@temporalio/client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { taskQueuePollers } from '../../scripts/stack/task-queue-pollers.ts';
import { currentVersion, makeCurrent } from '../../scripts/versions/current-version.ts';
import { moveRun } from '../../scripts/versions/move.ts';
import { openWorkflows } from '../../scripts/versions/open-workflows.ts';

const NAMESPACE = 'default';
const UNIMPLEMENTED = '12';

let server: Http2Server;
let connection: Connection;

/** A Temporal server that takes a connection and then answers nothing. */
beforeEach(async () => {
  server = createServer();
  server.on('stream', (stream, { ':path': path }) => {
    if (path?.endsWith('/GetSystemInfo') !== true) return;
    const answer = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': UNIMPLEMENTED };
    stream.respond(answer, { endStream: true });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  connection = await Connection.connect({ address: `127.0.0.1:${(server.address() as AddressInfo).port}` });
});

afterEach(async () => {
  await connection.close();
  server.close();
});

it('no look at versions and their workers waits forever for a server that does not answer', async () => {
  const workflows = [{ workflowId: 'w', runId: 'x', run: 'w', version: 'v', running: [] }];
  const looks = [
    taskQueuePollers(connection, NAMESPACE),
    currentVersion(connection, NAMESPACE),
    makeCurrent(connection, NAMESPACE, 'v'),
    moveRun(connection, NAMESPACE, { workflows }, 'v'),
    openWorkflows(new WorkflowClient({ connection, namespace: NAMESPACE })),
  ];
  const outcomes = await Promise.allSettled(looks);
  expect(outcomes.map((look) => look.status === 'rejected' && late(look.reason))).toEqual(looks.map(() => true));
});

/** The SDK's client wraps the connection's error. */
const late = (error: unknown): boolean =>
  isGrpcDeadlineError(error) || (error instanceof Error && isGrpcDeadlineError(error.cause));
