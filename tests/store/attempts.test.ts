import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ownWorkerProcess, type WorkerProcess } from '../../activities/clusters/worker-process.ts';
import { attemptsOf, forgetAttempt, noteAttempt, type HeldAttempt } from '../../activities/store/attempts.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { handBack } from '../../workers/held-attempts.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let store: TestDatabase;
let database: Database;
let own: WorkerProcess;
let dead: WorkerProcess;

beforeAll(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
  own = await ownWorkerProcess();
  dead = { ...own, start: own.start.replace(/\d+$/, '1') };
});

afterAll(async () => {
  await database.end();
  await store.drop();
});

beforeEach(() => database.query('delete from attempts'));

/** @param second when it was scheduled */
const held = (activity: string, attempt = 1, second = attempt): HeldAttempt => ({
  workflow: 'run/i1/e/b0',
  activity,
  attempt,
  scheduledAt: new Date(second * 1_000),
  token: Buffer.from(`${activity}/${attempt}`),
});

const left = async (): Promise<string[]> =>
  (await attemptsOf(database, own.machine)).map(({ activity, attempt }) => `${activity}/${attempt}`).sort();

it('an attempt takes the row of the one before it over, whose end then changes nothing', async () => {
  await noteAttempt(database, held('1'), dead);
  await noteAttempt(database, held('1', 2), own);
  await forgetAttempt(database, held('1'));
  expect(await left()).toEqual(['1/2']);
  await forgetAttempt(database, held('1', 2));
  expect(await left()).toEqual([]);
});

it('an earlier attempt that is late takes nothing over', async () => {
  await noteAttempt(database, held('1', 2), own);
  await noteAttempt(database, held('1'), dead);
  expect(await attemptsOf(database, own.machine)).toMatchObject([{ attempt: 2, holder: { start: own.start } }]);
});

it('the first attempt of a workflow that was started again takes over what its predecessor left', async () => {
  await noteAttempt(database, held('1', 7, 100), dead);
  await noteAttempt(database, held('1', 1, 200), own);
  expect(await left()).toEqual(['1/1']);
});

it('what a dead process held is handed back once, what a living one or another machine holds is not', async () => {
  await noteAttempt(database, held('dead'), dead);
  await noteAttempt(database, held('alive'), own);
  await noteAttempt(database, held('far'), { ...dead, machine: 'elsewhere' });
  const failed: string[] = [];
  const ports = { database, own, fail: async ({ activity }: HeldAttempt) => void failed.push(activity) };
  expect(await handBack(ports)).toMatchObject([{ activity: 'dead' }]);
  expect(await handBack(ports)).toEqual([]);
  expect(failed).toEqual(['dead']);
  expect(await left()).toEqual(['alive/1']);
});

it('what Temporal could not be told is handed back at the next look', async () => {
  await noteAttempt(database, held('1'), dead);
  const away = { database, own, fail: () => Promise.reject(new Error('away')) };
  await expect(handBack(away)).rejects.toThrow('away');
  expect(await left()).toEqual(['1/1']);
});
