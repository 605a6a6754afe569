import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProcessCluster } from '../../activities/clusters/process-cluster.ts';
import { watchServer, type ServerLoss } from '../../activities/fleet/watch-server.ts';
import { VllmClient } from '../../activities/vllm/client.ts';
import { activityEnvironment } from '../support/activity-environment.ts';
import { fakeJob, testPython } from '../support/cluster-contract.ts';
import { eventually } from '../support/eventually.ts';
import { FakeVllmServer } from '../support/fake-vllm-server.ts';
import { writeToyModel } from '../support/toy-model.ts';

test('a server that works is not lost for being slow to answer a probe, and is once its work stands still', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'thoughtloop-watch-'));
  await writeToyModel(folder);
  const server = await FakeVllmServer.start({ model: join(folder, 'model'), servedName: 'toy', latencyMs: 400 });
  const client = new VllmClient({ url: server.url, servedName: 'toy' });
  const cluster = createProcessCluster(testPython());
  const handle = await cluster.submit('run/server', fakeJob(join(folder, 'job'), 'wait'));
  let working = true;
  try {
    const work = Promise.all(
      [1, 2].map(async () => {
        while (working) await client.complete({ prompt: [0], maxTokens: 1, temperature: 0 }, { deadlineMs: 10_000 });
      }),
    );
    let loss: ServerLoss | undefined;
    const patience = { look: 900, probe: 100, looks: 2, orphan: 0 };
    const watching = activityEnvironment().run<[], ServerLoss, () => Promise<ServerLoss>>(() =>
      watchServer(cluster, handle, client, [0], patience),
    );
    void watching.then((end) => (loss = end));
    // Two loops of one answer in 0.4 s: a dozen each are at least four looks.
    await eventually('the server has answered 24 requests', () => server.counts.answered >= 24);
    expect(loss).toBeUndefined();
    working = false;
    await work;
    server.fail({ kind: 'hang' });
    expect(await watching).toMatchObject({ hung: true });
  } finally {
    working = false;
    await client.close();
    await server.stop();
    await cluster.cancel(handle);
    rmSync(folder, { recursive: true, force: true });
  }
});
