import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, withTransaction, type Database } from '../../activities/store/pool.ts';
import { writePause, writeProgress } from '../../activities/store/progress.ts';
import { findRun } from '../../activities/store/runs.ts';
import { recordFleetGone, recordGone, takeSlot } from '../../activities/store/servers.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { insertRun } from '../support/run-row.ts';

let store: TestDatabase;
let database: Database;

beforeAll(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
});

afterAll(async () => {
  await database.end();
  await store.drop();
});

const kinds = async (run: string): Promise<string[]> =>
  (await database.query<{ kind: string }>('select kind from events where run = $1 order by event', [run])).rows.map(
    ({ kind }) => kind,
  );

test('a pause is the run’s status until it goes on, and says nothing of its phase', async () => {
  await insertRun(database, 'paused');
  const place = { run: 'paused', arm: 'latent', iteration: 2 };
  await writeProgress(database, { ...place, status: 'Running', phase: 'm-step', cause: null });
  await writePause(database, 'paused', true);
  await writePause(database, 'paused', true);
  expect(await findRun(database, 'paused')).toMatchObject({ status: 'Paused', phase: 'm-step', iteration: 2 });
  await writePause(database, 'paused', false);
  expect(await findRun(database, 'paused')).toMatchObject({ status: 'Running', phase: 'm-step', iteration: 2 });
  expect(await kinds('paused')).toEqual(['running', 'paused', 'running']);
});

test('a parked run that is paused and resumed stays parked, and keeps its cause', async () => {
  await insertRun(database, 'parked');
  const cause = { type: 'TrainingFailed', message: 'm', remedy: 'r', workflow: 'parked/i1' };
  const place = { run: 'parked', arm: 'latent', iteration: 1 };
  await writeProgress(database, { ...place, status: 'Parked', phase: 'm-step', cause });
  await writePause(database, 'parked', true);
  await writePause(database, 'parked', false);
  expect(await findRun(database, 'parked')).toMatchObject({ status: 'Parked', cause });
});

test('a fleet that was given back because it failed has all its starts again', async () => {
  await insertRun(database, 'fleet');
  const slot = await takeSlot(database, 'fleet', 'fleet/i1/fleet', 0, 'model');
  expect(await recordGone(database, 'fleet/i1/fleet', 0, slot.generation, true)).toBe(1);
  await recordFleetGone(database, 'fleet/i1/fleet');
  const next = await takeSlot(database, 'fleet', 'fleet/i1/fleet', 0, 'model');
  expect(next).toMatchObject({ failedStarts: 0, generation: slot.generation + 1, state: 'starting' });
});

test('a transaction whose worker is silent is ended by the server, and frees what it holds', async () => {
  const { rows } = await withTransaction(database, (connection) =>
    connection.query<{ limit: string }>(`select current_setting('idle_in_transaction_session_timeout') as limit`),
  );
  expect(rows).toEqual([{ limit: '1min' }]);
  const outside = await database.query<{ limit: string }>(
    `select current_setting('idle_in_transaction_session_timeout') as limit`,
  );
  expect(outside.rows).toEqual([{ limit: '0' }]);
});
