import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { results } from '../../activities/store/results.ts';
import { candidateWeights } from '../../activities/report/candidate-weights.ts';
import {
  essHistogram,
  eStepsOf,
  logWeightHistogram,
  rejectionsOf,
} from '../../activities/report/queries/distributions.ts';
import { samplingProgress } from '../../activities/report/queries/sampling-progress.ts';
import { thoughtChunks } from '../../activities/report/queries/thoughts.ts';
import { findRun } from '../../activities/store/runs.ts';
import { readOverview } from '../../scripts/run/overview.ts';
import { overviewText } from '../../scripts/run/overview-text.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { fillRun, type FilledRun } from '../support/filled-run.ts';

let store: TestDatabase;
let database: Database;
let filled: FilledRun;

beforeAll(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
  filled = await fillRun(database);
});

afterAll(async () => {
  await database.end();
  await store.drop();
  await filled.remove();
});

test('there is one result a model, the EM loop first and the arms in the order of the recipe', async () => {
  const rows = await results(database, filled.run);
  expect(rows.map(({ arm, iteration }) => `${arm} ${iteration}`)).toEqual([
    'latent 0',
    'latent 1',
    'latent 2',
    'k1 1',
    'k1 2',
    'control 1',
    'raw-token 2',
    'raw-flop 2',
  ]);
  expect(rows[2]).toMatchObject({
    accuracy: 0.8,
    n: 400,
    elbo: -1,
    nll: 4,
    ess: 3.6,
    sampledTokens: 30_112,
    seconds: 165.5,
  });
  expect(rows[2]?.standardError).toBeCloseTo(0.02, 6);
});

test('an arm that shares the thoughts of the EM loop has sampled none, and a single thought has an ESS of 1', async () => {
  const k1 = (await results(database, filled.run)).find(({ arm, iteration }) => arm === 'k1' && iteration === 1);
  expect(k1).toMatchObject({ sampledTokens: 0, ess: 1, seconds: 61.5 });
});

test('a raw model has an NLL and no ELBO', async () => {
  const raw = (await results(database, filled.run)).find(({ arm }) => arm === 'raw-flop');
  expect(raw).toMatchObject({ nll: 1.95, elbo: null, ess: null });
});

test('of a training that was tried again, the newest checkpoint counts once', async () => {
  await database.query(
    `insert into checkpoints (key, run, arm, iteration, trial, digest, folder, steps, tokens, loss, seconds)
     select key || '/g1', run, arm, iteration, trial, digest, folder, steps, 4321, loss, seconds
       from checkpoints where run = $1 and arm = 'control'`,
    [filled.run],
  );
  const control = (await results(database, filled.run)).filter(({ arm }) => arm === 'control');
  expect(control.map(({ trainingTokens }) => trainingTokens)).toEqual([4321]);
});

test('weights of a chunk add up to one and its chunk is what the cuts say', async () => {
  const chunks = await thoughtChunks(database, { run: filled.run, arm: 'latent', iteration: 1 }, 'spread', 7);
  expect(chunks).toHaveLength(7);
  for (const chunk of chunks) {
    expect(chunk.text).toMatch(/^ It ends in \d \.$/);
    expect(chunk.candidates).toHaveLength(4);
    expect(chunk.candidates.filter(({ selected }) => selected)).toHaveLength(1);
    const total = candidateWeights(chunk.candidates).reduce<number>((sum, weight) => sum + (weight ?? 0), 0);
    expect(total).toBeCloseTo(1, 12);
  }
});

test('the most peaked chunks come first, and rejected ones only when asked for', async () => {
  const place = { run: filled.run, arm: 'latent', iteration: 1 };
  const peaked = await thoughtChunks(database, place, 'peaked', 5);
  const sizes = peaked.map(({ ess }) => ess ?? 0);
  expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
  const rejected = await thoughtChunks(database, place, 'rejected', 10);
  expect(rejected.map(({ document, rejection }) => [document, rejection])).toEqual([
    [96, 'no finished thought'],
    [193, 'no finished thought'],
    [290, 'no finished thought'],
  ]);
});

test('an arm that shares the thoughts of the EM loop shows those', async () => {
  const chunks = await thoughtChunks(database, { run: filled.run, arm: 'k1', iteration: 1 }, 'spread', 2);
  expect(chunks.map(({ candidates }) => candidates.length)).toEqual([4, 4]);
});

test('histograms count every chunk and every candidate', async () => {
  const [first] = await eStepsOf(database, filled.run);
  if (first === undefined) throw new Error('Expected an E-step');
  const sum = (bins: readonly { count: number }[]): number => bins.reduce((total, { count }) => total + count, 0);
  const sizes = await essHistogram(database, first);
  expect(sum(sizes)).toBe(297);
  expect(Math.min(...sizes.map(({ from }) => from))).toBeGreaterThanOrEqual(1);
  expect(Math.max(...sizes.map(({ to }) => to))).toBeLessThanOrEqual(4);
  expect(sum(await logWeightHistogram(database, first))).toBe(4 * 297);
  expect(await rejectionsOf(database, filled.run)).toContainEqual({
    arm: 'latent',
    iteration: 1,
    reason: 'no finished thought',
    chunks: 3,
  });
});

test('sampling half done shows its rate and the time to go', async () => {
  const place = { run: filled.run, arm: 'latent', iteration: 2 };
  expect(await samplingProgress(database, place)).toMatchObject({
    shards: 15,
    finishedShards: 15,
    claimedAgain: 1,
    secondsLeft: 0,
  });
  await database.query(
    `update e_steps set finished_at = null, created_at = now() - interval '100 seconds' where run = $1 and arm = 'latent' and iteration = 2`,
    [filled.run],
  );
  await database.query(
    `update shards set claimed_at = now() - interval '100 seconds',
            finished_at = case when shard < 5 then now() - interval '1 second' end
      where e_step = (select e_step from e_steps where run = $1 and arm = 'latent' and iteration = 2)`,
    [filled.run],
  );
  const progress = await samplingProgress(database, place);
  expect(progress).toMatchObject({ shards: 15, finishedShards: 5, chunks: 1500, finishedChunks: 500 });
  expect(progress?.chunksPerSecond).toBeCloseTo(5, 1);
  expect(progress?.secondsLeft).toBeCloseTo(200, -1);
  expect(await samplingProgress(database, { ...place, iteration: 7 })).toBeNull();
});

test('a parked run says why and which commands help', async () => {
  const cause = { type: 'TrainingFailed', message: 'exit code 1', remedy: 'see the job log', workflow: 'micro/i2' };
  await database.query(
    `update runs set status = 'Parked', phase = 'm-step', arm = 'latent', iteration = 2, cause = $2, ended_at = null where run = $1`,
    [filled.run, JSON.stringify(cause)],
  );
  await database.query(`update jobs set ended_at = null, state = 'running' where run = $1 and kind = 'training'`, [
    filled.run,
  ]);
  const row = await findRun(database, filled.run);
  if (row === null) throw new Error('Expected the run');
  const text = overviewText(await readOverview(database, filled.dataFolder, row));
  expect(text).toContain('TrainingFailed');
  expect(text).toContain('thoughtloop decide micro retry');
  expect(text).not.toContain('decide micro skip');
  expect(text).toContain('step 300 of 900');
  expect(text).toContain('loss 1.500');
});
