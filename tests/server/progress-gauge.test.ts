import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDatabase } from '../../activities/store/pool.ts';
import { freePort } from '../../scripts/stack/ports.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { insertRun } from '../support/run-row.ts';
import { startTestTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

it('the control worker says by a metric how long a run has made no progress', async () => {
  const [store, temporal] = await Promise.all([createTestDatabase(), startTestTemporal()]);
  const database = openDatabase(store.url);
  const folder = mkdtempSync(join(tmpdir(), 'thoughtloop-gauge-'));
  await insertRun(database, 'stuck');
  await database.query(`update runs set updated_at = now() - interval '42 min'`);
  const address = `127.0.0.1:${await freePort()}`;
  const worker = startWorkerProcess('control', {
    DATABASE_URL: store.url,
    THOUGHTLOOP_DATA: folder,
    TEMPORAL_ADDRESS: temporal.address,
    THOUGHTLOOP_METRICS: address,
  });
  try {
    const line = await eventually(
      'the gauge',
      async () => {
        const answer = await fetch(`http://${address}/metrics`).catch(() => null);
        return (
          /^thoughtloop_seconds_since_progress\{.*run="stuck".*\} (\d+)/m.exec((await answer?.text()) ?? '') ?? false
        );
      },
      60,
    );
    expect(Number(line[1])).toBeGreaterThanOrEqual(42 * 60);
    expect(Number(line[1])).toBeLessThan(45 * 60);
  } finally {
    await worker.kill();
    await database.end();
    await Promise.all([store.drop(), temporal.stop()]);
    rmSync(folder, { recursive: true });
  }
});
