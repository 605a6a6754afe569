import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cutRange, resolveSplit } from '../../activities/corpus/cut-split.ts';
import { importFile } from '../../activities/corpus/import.ts';
import { findEStep, finishEStep } from '../../activities/e-step/finish-e-step.ts';
import { planEStep, uncutRangesOfPlan } from '../../activities/e-step/plan-e-step.ts';
import { segment } from '../../activities/segmentation/segment.ts';
import { segmentationKey } from '../../activities/store/cuts.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import type { PlanEStepInput } from '../../workflows/contract/activities.ts';
import type { SegmentationSettings } from '../../workflows/contract/recipe.ts';
import type { DocumentRange } from '../../workflows/contract/references.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { insertRun } from '../support/run-row.ts';
import { finishShards, insertChunk, type SampledChunk } from '../support/sampled-e-step.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const SENTENCES: SegmentationSettings = {
  kind: 'sentences',
  meanSentences: 2,
  minSentences: 1,
  maxSentences: 4,
  seed: 42,
};

let store: TestDatabase;
let database: Database;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-plan-'));
});

beforeEach(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
  return async () => {
    await database.end();
    await store.drop();
  };
});

afterAll(() => rmSync(folder, { recursive: true }));

const texts = Array.from({ length: 25 }, (_, n) => `Text ${n} begins. It goes on. Then more. And more. The end.`);

async function importTexts(rows: readonly object[], name = 'a.jsonl'): Promise<void> {
  const file = join(folder, name);
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'));
  await importFile(database, { file, corpus: 'c', split: 'em' });
}

function input(changes: Partial<PlanEStepInput> = {}): PlanEStepInput {
  const { seed, fidelity, eStep: settings } = tinyRecipe();
  return {
    place: { run: 'r', arm: 'latent', iteration: 1 },
    seed,
    fidelity,
    corpus: { name: 'c', split: 'em' },
    segmentation: SENTENCES,
    settings,
    checkpoint: { key: 'r/i0/m/latent-0/g0', digest: 'd0', folder: 'runs/r/i0' },
    ...changes,
  };
}

async function shards(eStep: number): Promise<{ first: number; last: number; chunks: number }[]> {
  const { rows } = await database.query<{ first: number; last: number; chunks: number }>(
    `select first_document as first, last_document as last, chunks from shards where e_step = $1 order by shard`,
    [eStep],
  );
  return rows;
}

describe('a plan', () => {
  test('cuts every document as the segmentation says, and covers them by shards', async () => {
    await importTexts(texts.map((text) => ({ text })));
    await insertRun(database, 'r');
    const seen: number[] = [];
    const ref = await planEStep(database, input(), (documents) => seen.push(documents));
    expect(seen.at(-1)).toBe(25);
    const expected = texts.map((text) => segment(text, SENTENCES));
    const { rows } = await database.query<{ ends: number[] }>('select ends from cuts order by ordinal');
    expect(rows.map(({ ends }) => ends)).toEqual(expected);
    const chunks = (from: number, to: number): number => expected.slice(from, to).flat().length;
    expect(ref).toEqual({ eStep: ref.eStep, shards: 3, open: 3, chunks: chunks(0, 25), documents: 25 });
    expect(await shards(ref.eStep)).toEqual([
      { first: 0, last: 10, chunks: chunks(0, 10) },
      { first: 10, last: 20, chunks: chunks(10, 20) },
      { first: 20, last: 25, chunks: chunks(20, 25) },
    ]);
  });

  test('of the same input is the same, and cuts nothing again', async () => {
    await importTexts(texts.map((text) => ({ text })));
    await insertRun(database, 'r');
    const first = await planEStep(database, input());
    let cutAgain = 0;
    expect(await planEStep(database, input(), () => (cutAgain += 1))).toEqual(first);
    const other = await planEStep(
      database,
      input({ place: { run: 'r', arm: 'latent', iteration: 2 } }),
      () => (cutAgain += 1),
    );
    expect(other).toEqual({ ...first, eStep: other.eStep });
    expect(other.eStep).not.toBe(first.eStep);
    expect(cutAgain).toBe(0);
  });

  test('made twice at once is one', async () => {
    await importTexts(texts.map((text) => ({ text })));
    await insertRun(database, 'r');
    const [one, two] = await Promise.all([planEStep(database, input()), planEStep(database, input())]);
    expect(one).toEqual(two);
    expect(await shards(one.eStep)).toHaveLength(3);
  });

  test('goes on where a stopped one had cut to', async () => {
    await importTexts(Array.from({ length: 2_500 }, (_, n) => ({ text: `Text ${n}. More.` })));
    await insertRun(database, 'r');
    await expect(
      planEStep(database, input(), () => {
        throw new Error('stopped');
      }),
    ).rejects.toThrow('stopped');
    const seen: number[] = [];
    const ref = await planEStep(database, input(), (documents) => seen.push(documents));
    expect(seen).toEqual([2_000, 2_500]);
    expect(ref.documents).toBe(2_500);
    expect((await shards(ref.eStep)).reduce((sum, { chunks }) => sum + chunks, 0)).toBe(ref.chunks);
  });

  test('of a large split is made of ranges that several cut at once, in any order', async () => {
    await importTexts(Array.from({ length: 9_000 }, (_, n) => ({ text: `Text ${n}. More.` })));
    await insertRun(database, 'r');
    const asked = input();
    const [first, second, third] = [
      { from: 0, to: 4_000 },
      { from: 4_000, to: 8_000 },
      { from: 8_000, to: 9_000 },
    ] as [DocumentRange, DocumentRange, DocumentRange];
    expect(await uncutRangesOfPlan(database, asked)).toEqual({ open: 'cutting', ranges: [first, second, third] });
    const split = await resolveSplit(database, asked.corpus, 'r');
    const cut = (range: DocumentRange, told: (end: number) => void = () => undefined): Promise<void> =>
      cutRange(database, split, asked.segmentation, range, told);
    await cut(third);
    const stop = (): void => {
      throw new Error('stopped');
    };
    await expect(cut(second, stop)).rejects.toThrow('stopped');
    expect(await uncutRangesOfPlan(database, asked)).toEqual({ open: 'cutting', ranges: [first, second] });
    const seen: number[] = [];
    await Promise.all([cut(first), cut(second, (end) => seen.push(end))]);
    expect(seen).toEqual([6_000, 7_000, 8_000]);
    expect(await uncutRangesOfPlan(database, asked)).toBeNull();
    let cutAgain = 0;
    const ref = await planEStep(database, asked, () => (cutAgain += 1));
    expect([ref.documents, cutAgain]).toEqual([9_000, 0]);
    expect((await shards(ref.eStep)).reduce((sum, { chunks }) => sum + chunks, 0)).toBe(ref.chunks);
  });

  test('cuts what an earlier cutting left out, wherever it is', async () => {
    await importTexts(texts.map((text) => ({ text })));
    await insertRun(database, 'r');
    const split = await resolveSplit(database, input().corpus, 'r');
    await cutRange(database, split, SENTENCES, { from: 10, to: 20 }, () => undefined);
    await planEStep(database, input());
    const { rows } = await database.query<{ ends: number[] }>('select ends from cuts order by ordinal');
    expect(rows.map(({ ends }) => ends)).toEqual(texts.map((text) => segment(text, SENTENCES)));
  });

  test('keeps the cuts that a document brings', async () => {
    await importTexts([{ chunks: [{ text: 'A. B. C. D. E.' }, { text: ' F.' }] }, { text: 'A. B.' }]);
    await insertRun(database, 'r');
    await planEStep(database, input({ segmentation: { kind: 'whole' } }));
    const { rows } = await database.query('select ends from cuts order by ordinal');
    expect(rows).toEqual([{ ends: [14, 17] }, { ends: [5] }]);
  });

  test('is refused where the place has one of something else', async () => {
    await importTexts(texts.map((text) => ({ text })));
    await insertRun(database, 'r');
    await planEStep(database, input());
    const settings = { ...input().settings, samples: 3 };
    await expect(planEStep(database, input({ settings }))).rejects.toThrow(/samples 3.*found one of samples 2/);
    const checkpoint = { ...input().checkpoint, digest: 'd1' };
    await expect(planEStep(database, input({ checkpoint }))).rejects.toThrow(/checkpoint d1.*checkpoint d0/);
    await expect(planEStep(database, input({ segmentation: { kind: 'whole' } }))).rejects.toMatchObject({
      type: 'RecipeInvalid',
      nonRetryable: true,
    });
  });

  test('sees neither unfinished imports nor what was imported after the run was started', async () => {
    await insertRun(database, 'early');
    const early = input({ place: { run: 'early', arm: 'latent', iteration: 1 } });
    await expect(planEStep(database, early)).rejects.toThrow(/corpus c, found none/);
    await importTexts([{ text: 'a' }]);
    await insertRun(database, 'r');
    await importTexts([{ text: 'b' }], 'b.jsonl');
    await expect(planEStep(database, early)).rejects.toThrow(/only ones imported after run early was started/);
    expect(await planEStep(database, input())).toMatchObject({ documents: 1 });
    await database.query(`update corpus_sources set state = 'importing'`);
    const later = input({ place: { run: 'r', arm: 'latent', iteration: 2 } });
    await expect(planEStep(database, later)).rejects.toMatchObject({ type: 'CorpusInvalid' });
  });

  test('has partitions of its own, which other plans can be made beside', async () => {
    await importTexts([{ text: 'a' }]);
    await insertRun(database, 'r');
    const { eStep } = await planEStep(database, input());
    const writer = await database.connect();
    await writer.query('begin');
    await insertChunk(writer, eStep, 0, 0, { rejection: 'too-long' });
    const other = await planEStep(database, input({ place: { run: 'r', arm: 'latent', iteration: 2 } }));
    await writer.query('commit');
    writer.release();
    await insertChunk(database, other.eStep, 0, 0, { selected: 0, candidates: [{ ids: [1], logQ: -1, logP: -2 }] });
    const { rows } = await database.query<{ table: string }>(
      `select tableoid::regclass::text as table from chunk_results union all select tableoid::regclass::text from thoughts`,
    );
    expect(rows.map(({ table }) => table).sort()).toEqual([
      `chunk_results_${eStep}`,
      `chunk_results_${other.eStep}`,
      `thoughts_${other.eStep}`,
    ]);
  });
});

describe('an E-step', () => {
  const good: SampledChunk = {
    selected: 1,
    candidates: [
      { ids: [1], logQ: -1, logP: -2 },
      { ids: [1, 2, 3], logQ: -1, logP: -2 },
    ],
  };
  const { eStep: settings } = tinyRecipe();

  async function planned(rows = 4): Promise<number> {
    await importTexts(Array.from({ length: rows }, (_, n) => ({ text: `t${n}` })));
    await insertRun(database, 'r');
    return (await planEStep(database, input({ segmentation: { kind: 'whole' } }))).eStep;
  }

  async function sample(eStep: number, chunks: readonly SampledChunk[]): Promise<void> {
    for (const [document, chunk] of chunks.entries()) await insertChunk(database, eStep, document, 0, chunk);
  }

  const countThoughts = async (): Promise<number> =>
    (await database.query<{ count: number }>('select count(*) from thoughts')).rows[0]?.count ?? -1;

  test('is added up once all is there, and answers the same again', async () => {
    const eStep = await planned();
    await expect(finishEStep(database, { eStep, settings })).rejects.toThrow(/found 1 open/);
    await finishShards(database, eStep);
    await sample(eStep, [good, good]);
    await expect(finishEStep(database, { eStep, settings })).rejects.toThrow(/each of the 4 chunks.*found 2/);
    await insertChunk(database, eStep, 2, 0, { rejection: 'too-long' });
    await insertChunk(database, eStep, 3, 0, good);
    const summary = await finishEStep(database, { eStep, settings });
    expect(summary).toEqual({
      chunks: 4,
      selected: 3,
      rejected: 1,
      sampledTokens: 7,
      scoredTokens: 11,
      requests: 3,
      essMean: 2,
      elboMean: -4,
      thoughtTokensMean: 4,
      seconds: expect.any(Number) as number,
    });
    expect(await finishEStep(database, { eStep, settings })).toEqual(summary);
    expect(await planEStep(database, input({ segmentation: { kind: 'whole' } }))).toMatchObject({ eStep, open: 0 });
    await expect(finishEStep(database, { eStep: 999, settings })).rejects.toThrow(/E-step 999/);
  });

  test('with too many rejections fails with their reasons, and passes once more are allowed', async () => {
    const eStep = await planned();
    await sample(eStep, [good, { rejection: 'too-long' }, { rejection: 'unfinished' }, { rejection: 'too-long' }]);
    await finishShards(database, eStep);
    await expect(finishEStep(database, { eStep, settings })).rejects.toMatchObject({
      type: 'TooManyRejections',
      message: expect.stringContaining('found 3 (75.0 %): too-long 2, unfinished 1') as string,
      details: [{ 'too-long': 2, unfinished: 1 }],
    });
    const summary = await finishEStep(database, { eStep, settings: { ...settings, maxRejected: 0.75 } });
    expect(summary.rejected).toBe(3);
  });

  test('planned again opens the chunks that servers failed on, and no others', async () => {
    const eStep = await planned(25);
    await sample(eStep, [{ rejection: 'garbage' }, good, { rejection: 'too-long' }]);
    await finishShards(database, eStep);
    await insertChunk(database, eStep, 20, 0, { rejection: 'deadline' });
    await database.query('update shards set finished_at = null where shard = 2');
    const ref = await planEStep(database, input({ segmentation: { kind: 'whole' } }));
    expect(ref).toMatchObject({ shards: 3, open: 2 });
    const { rows } = await database.query<{ document: number }>('select document from chunk_results order by document');
    expect(rows.map(({ document }) => document)).toEqual([1, 2]);
    // Whoever still holds such a shard must not finish it without the chunk.
    const leases = await database.query<{ lease: number }>('select lease from shards order by shard');
    expect(leases.rows.map(({ lease }) => lease)).toEqual([1, 0, 1]);
  });

  test('drops its losers where only the selected are kept, also when that is asked for later', async () => {
    const eStep = await planned();
    await sample(eStep, [good, good, good, good]);
    await finishShards(database, eStep);
    const summary = await finishEStep(database, { eStep, settings });
    expect(await countThoughts()).toBe(8);
    expect(await finishEStep(database, { eStep, settings: { ...settings, keep: 'selected' } })).toEqual(summary);
    expect(await countThoughts()).toBe(4);
    expect(await findEStep(database, { place: input().place, samples: 1 })).toBeNull();
    expect(await findEStep(database, { place: input().place, samples: 2 })).toMatchObject({ eStep });
  });

  test('is found by another arm of the run once it is finished, where it has enough candidates', async () => {
    const eStep = await planned();
    const k1 = { run: 'r', arm: 'k1', iteration: 1 };
    await sample(eStep, [good, good, good, good]);
    await finishShards(database, eStep);
    expect(await findEStep(database, { place: k1, samples: 1 })).toBeNull();
    await finishEStep(database, { eStep, settings });
    expect(await findEStep(database, { place: k1, samples: 1 })).toEqual({
      eStep,
      shards: 1,
      open: 0,
      chunks: 4,
      documents: 4,
    });
    expect(await findEStep(database, { place: k1, samples: 3 })).toBeNull();
    expect(await findEStep(database, { place: { ...k1, run: 'other' }, samples: 1 })).toBeNull();
    expect(await findEStep(database, { place: { ...k1, iteration: 2 }, samples: 1 })).toBeNull();
  });
});

test('the key of a segmentation does not depend on the order of its settings, and differs with each of them', () => {
  const { kind, ...rest } = SENTENCES;
  expect(segmentationKey({ ...rest, kind })).toBe(segmentationKey(SENTENCES));
  const keys = [SENTENCES, { ...SENTENCES, seed: 43 }, { ...SENTENCES, maxSentences: 5 }, { kind: 'whole' } as const];
  expect(new Set(keys.map(segmentationKey)).size).toBe(4);
});
