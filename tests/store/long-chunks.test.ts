import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importFile } from '../../activities/corpus/import.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { describeLongChunks, longChunks, type LongChunks } from '../../scripts/plan/long-chunks.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

let store: TestDatabase;
let database: Database;
let folder: string;

beforeAll(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-long-chunks-'));
  const documents = [
    { text: 'short' },
    { text: 'x'.repeat(90) },
    { chunks: [{ text: 'a'.repeat(60) }, { text: 'b'.repeat(61) }, { text: 'c' }] },
    { text: 'x'.repeat(60) },
  ];
  const file = join(folder, 'docs.jsonl');
  writeFileSync(file, documents.map((document) => `${JSON.stringify(document)}\n`).join(''));
  await importFile(database, { file, corpus: 'long', split: 'em' });
});

afterAll(async () => {
  await database.end();
  await store.drop();
  rmSync(folder, { recursive: true });
});

const tiny = tinyRecipe();

/** A context of 45 leaves 30 tokens beside a thought of 10 and the framing; at 2 characters a token 60 characters fit. */
const recipe = (change: Partial<Recipe> = {}): Recipe => ({
  ...tiny,
  corpus: { name: 'long', warmStart: 'em', train: 'em' },
  segmentation: { kind: 'whole' },
  eStep: { ...tiny.eStep, maxThoughtTokens: 10 },
  fleet: { ...tiny.fleet, maxModelLen: null },
  ...change,
});

test('chunks beyond the context are counted and named, those that just fit are not', async () => {
  const found = await longChunks(database, recipe(), 45, 2);
  expect(found).toEqual({
    room: 30,
    contextLength: 45,
    count: 2,
    first: [
      { document: 1, chunk: 0, characters: 90 },
      { document: 2, chunk: 1, characters: 61 },
    ],
    more: false,
  });
  const text = describeLongChunks(found as LongChunks, recipe(), 2);
  expect(text).toContain('found 2 longer: document 1 chunk 0 (90 characters), document 2 chunk 1');
});

test('the served length counts where it is the smaller one', async () => {
  const served = recipe({ fleet: { ...tiny.fleet, maxModelLen: 45 } });
  expect(await longChunks(database, served, 4_096, 2)).toMatchObject({ room: 30, count: 2 });
  expect(await longChunks(database, served, undefined, 2)).toMatchObject({ room: 30, count: 2 });
});

test('where all fit, or nobody knows the context, there is nothing to tell', async () => {
  expect(await longChunks(database, recipe(), 4_096, 2)).toBeNull();
  expect(await longChunks(database, recipe(), undefined, 2)).toBeNull();
});
