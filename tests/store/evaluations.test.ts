import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { completionOutcomes, insertCompletions, type CompletionRow } from '../../activities/store/completions.ts';
import { finishEvaluation, openEvaluation, type EvaluationSubject } from '../../activities/store/evaluations.ts';
import { insertLikelihoods, likelihoods } from '../../activities/store/likelihoods.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const SUBJECT: EvaluationSubject = {
  evaluation: 'alone',
  run: null,
  arm: 'latent',
  iteration: 0,
  trial: 0,
  benchmark: 'letters',
  checkpoint: 'aaaa',
  settings: { b: 1, a: ['x'] },
};
const METRICS = [{ name: 'accuracy', value: 0.5, standardError: 0.1, n: 2 }];

const row = (problem: number, text = 'x'): CompletionRow => {
  return { problem, promptTokens: 3, tokenIds: [1, 2], text, finish: 'stop', answer: text, verdict: 'right' };
};

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
});
afterAll(async () => {
  await database.end();
  await testDatabase.drop();
});
beforeEach(async () => {
  await database.query('delete from evaluations');
});

test('an evaluation opened again keeps its rows, whatever the order of its settings', async () => {
  await expect(openEvaluation(database, SUBJECT)).resolves.toEqual({ kind: 'open' });
  await insertCompletions(database, 'alone', 'aaaa', [row(0), row(3)]);
  const again = { ...SUBJECT, settings: { a: ['x'], b: 1 } };
  await expect(openEvaluation(database, again)).resolves.toEqual({ kind: 'open' });
  await expect(completionOutcomes(database, 'alone')).resolves.toEqual([
    { problem: 0, finish: 'stop', verdict: 'right', tokens: 2 },
    { problem: 3, finish: 'stop', verdict: 'right', tokens: 2 },
  ]);
});

test.each([{ checkpoint: 'bbbb' }, { settings: { b: 2, a: ['x'] } }])(
  'an evaluation of something else under the same key begins anew: %j',
  async (change) => {
    await openEvaluation(database, SUBJECT);
    await insertCompletions(database, 'alone', 'aaaa', [row(0)]);
    await insertLikelihoods(database, 'alone', 'aaaa', [
      { document: 0, tokens: 1, nll: 2, elbo: null, sampledTokens: 0 },
    ]);
    await finishEvaluation(database, 'alone', 'aaaa', METRICS);
    await expect(openEvaluation(database, { ...SUBJECT, ...change })).resolves.toEqual({ kind: 'open' });
    await expect(completionOutcomes(database, 'alone')).resolves.toEqual([]);
    await expect(likelihoods(database, 'alone')).resolves.toEqual([]);
  },
);

test('an attempt whose evaluation was taken over for another checkpoint writes nothing more', async () => {
  await openEvaluation(database, SUBJECT);
  await openEvaluation(database, { ...SUBJECT, checkpoint: 'bbbb' });
  await expect(insertCompletions(database, 'alone', 'aaaa', [row(0)])).rejects.toMatchObject({ type: 'LeaseLost' });
  const figures = { document: 0, tokens: 1, nll: 2, elbo: null, sampledTokens: 0 };
  await expect(insertLikelihoods(database, 'alone', 'aaaa', [figures])).rejects.toMatchObject({ type: 'LeaseLost' });
  await expect(finishEvaluation(database, 'alone', 'aaaa', METRICS)).rejects.toMatchObject({ type: 'LeaseLost' });
  await expect(completionOutcomes(database, 'alone')).resolves.toEqual([]);
});

test('the first to finish wins, and its figures are what later ones get', async () => {
  await openEvaluation(database, SUBJECT);
  await expect(finishEvaluation(database, 'alone', 'aaaa', METRICS)).resolves.toEqual(METRICS);
  await expect(finishEvaluation(database, 'alone', 'aaaa', [])).resolves.toEqual(METRICS);
  await expect(openEvaluation(database, SUBJECT)).resolves.toEqual({ kind: 'finished', metrics: METRICS });
  await expect(insertCompletions(database, 'alone', 'aaaa', [row(0)])).rejects.toMatchObject({ type: 'LeaseLost' });
});

test('an answer given twice is kept once, as it was first', async () => {
  await openEvaluation(database, SUBJECT);
  await insertCompletions(database, 'alone', 'aaaa', [row(0, 'first')]);
  await insertCompletions(database, 'alone', 'aaaa', [row(0, 'second'), row(1)]);
  const { rows } = await database.query('select problem, text from completions order by problem');
  expect(rows).toEqual([
    { problem: 0, text: 'first' },
    { problem: 1, text: 'x' },
  ]);
});

test('text that PostgreSQL cannot hold is written without it; ids are kept as they are', async () => {
  await openEvaluation(database, SUBJECT);
  const odd = 'a\0b\\u0000 "\\" \ud83d\ude42 {1,NULL}';
  await insertCompletions(database, 'alone', 'aaaa', [
    { ...row(0, odd), tokenIds: [] },
    { ...row(1), answer: null },
  ]);
  const { rows } = await database.query('select token_ids, text, answer from completions order by problem');
  expect(rows[0]).toEqual({ token_ids: [], text: odd.replace('\0', '\ufffd'), answer: odd.replace('\0', '\ufffd') });
  expect(rows[1]).toMatchObject({ token_ids: [1, 2], answer: null });
});

test('figures of documents come back as they were written', async () => {
  await openEvaluation(database, SUBJECT);
  const rows = [
    { document: 1, tokens: 4, nll: 1 / 3, elbo: [-2.5, -1e-9], sampledTokens: 7 },
    { document: 0, tokens: 2, nll: 0, elbo: null, sampledTokens: 0 },
  ];
  await insertLikelihoods(database, 'alone', 'aaaa', rows);
  await expect(likelihoods(database, 'alone')).resolves.toEqual(rows.toReversed());
});
