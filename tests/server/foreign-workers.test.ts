import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { writeFolderFile } from '../../activities/store/folder-file.ts';
import { foreignWorkers, requireOwnQueues } from '../../scripts/stack/foreign-workers.ts';
import { freePort } from '../../scripts/stack/ports.ts';
import { taskQueuePollers, workersOf } from '../../scripts/stack/task-queue-pollers.ts';
import { workerIdentity } from '../../workers/worker-identity.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { eventually } from '../support/eventually.ts';
import { startTestTemporal } from '../support/temporal.ts';

const [own, other] = ['11111111-0000-4000-8000-000000000000', '22222222-0000-4000-8000-000000000000'] as const;

it('a worker of another data folder on the same task queues is refused by name, one of this folder is not', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'thoughtloop-foreign-'));
  await writeFolderFile(dataFolder, { store: own, folder: own, revision: 0 });
  const temporal = await startTestTemporal();
  const connection = await Connection.connect({ address: temporal.address });
  // One for each: a connection takes one worker of a task queue.
  const natives = await Promise.all([own, other].map(() => NativeConnection.connect({ address: temporal.address })));
  const workers = await Promise.all(
    [own, other].map((folder, index) =>
      Worker.create({
        connection: natives[index] as NativeConnection,
        taskQueue: TASK_QUEUES.sampling,
        identity: workerIdentity('sampler', folder),
        activities: { nothing: () => Promise.resolve() },
      }),
    ),
  );
  const ended = workers.map((worker) => worker.run());
  try {
    const found = await eventually('both workers to ask for work', async () => {
      const queues = await taskQueuePollers(connection, 'default');
      return workersOf(queues.flatMap(({ pollers }) => pollers)).length === 2 && foreignWorkers(queues, dataFolder);
    });
    expect(found).toEqual([workerIdentity('sampler', other)]);
    await expect(requireOwnQueues(connection, 'default', dataFolder, 0)).rejects.toMatchObject({
      message: expect.stringMatching(
        /Expected .* workers of this data folder alone, found sampler@.*#22222222 .*Stop/s,
      ) as string,
    });
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(ended);
    for (const native of natives) await native.close();
    await connection.close();
    await temporal.stop();
    rmSync(dataFolder, { recursive: true });
  }
});

it('queues that could not be looked at are not taken for having no workers of another data folder', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'thoughtloop-foreign-'));
  await writeFolderFile(dataFolder, { store: own, folder: own, revision: 0 });
  const connection = Connection.lazy({ address: `127.0.0.1:${await freePort()}` });
  try {
    await expect(requireOwnQueues(connection, 'default', dataFolder, 0)).rejects.toThrow(/could not be found out: ./);
  } finally {
    await connection.close();
    rmSync(dataFolder, { recursive: true });
  }
});
