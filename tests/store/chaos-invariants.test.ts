import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { chunkInvariants } from '../../scripts/chaos/invariants/chunks.ts';
import { jobInvariants } from '../../scripts/chaos/invariants/jobs.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { plannedEStep } from '../support/planned-e-step.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { finishShards, insertChunk } from '../support/sampled-e-step.ts';

/** What the fault harness would not see, it could not prove: each rule is shown something that breaks it. */
let testDatabase: TestDatabase;
let database: Database;
let eStep: number;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
});

afterAll(async () => {
  await database.end();
  await testDatabase.drop();
});

beforeEach(async () => {
  await database.query('truncate corpora, documents, cuts, runs cascade');
  ({ eStep } = await plannedEStep(database, [{ chunks: ['a', 'b'] }, { chunks: ['c'] }]));
  const candidates = [1, 2, 3, 4].map((id) => ({ ids: [id], logQ: -1, logP: -1 }));
  await insertChunk(database, eStep, 0, 0, { selected: 1, candidates });
  await insertChunk(database, eStep, 0, 1, { rejection: 'too long' });
  await insertChunk(database, eStep, 1, 0, { selected: 0, candidates });
  await finishShards(database, eStep);
});

const broken = async (): Promise<string[]> =>
  (await chunkInvariants(database, 'toy')).flatMap((invariant) => invariant.broken);

it('an E-step that is whole breaks no rule', async () => {
  expect(await broken()).toEqual([]);
});

it('a chunk without an outcome is lost', async () => {
  await database.query('delete from thoughts where document = 1');
  await database.query('delete from chunk_results where document = 1');
  expect(await broken()).toEqual(['latent/1 document 1 chunk 0: no outcome']);
});

it('fewer than K candidates are half an outcome', async () => {
  await database.query('delete from thoughts where document = 1 and candidate = 3');
  expect(await broken()).toEqual([expect.stringContaining('document 1 chunk 0: 3 candidates of 4')]);
});

it('a choice that the result does not name is no choice', async () => {
  await database.query('update thoughts set selected = candidate = 2 where document = 1');
  expect(await broken()).toEqual([expect.stringContaining('document 1 chunk 0: 4 candidates of 4, selected {2}')]);
});

it('candidates of a rejected chunk are too many', async () => {
  await database.query('update thoughts set chunk = 1 where document = 0');
  expect(await broken()).toEqual(
    expect.arrayContaining([expect.stringMatching(/chunk 1: 4 candidates .* result too long/)]),
  );
});

it('a shard that nobody finished is open', async () => {
  await database.query('update shards set finished_at = null');
  expect(await broken()).toEqual(['latent/1 shard 0: not finished']);
});

it('a second training of one model, and a job that never ended, are named', async () => {
  await database.query(
    `insert into jobs (key, run, cluster, kind, folder, handle, state, ended_at)
     select key, 'toy', 'process', 'training', key, '{"output": "one"}', state, ended_at from (values
       ('toy/g0', 'succeeded', now()), ('toy/g1', 'succeeded', now()), ('toy/g2', 'running', null))
       as given (key, state, ended_at)`,
  );
  const found = (await jobInvariants(database, '/nowhere', 'toy')).flatMap((invariant) => invariant.broken);
  expect(found).toEqual(['toy/g2', 'toy/g1']);
});
