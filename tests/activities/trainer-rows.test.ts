import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  layOut,
  NO_PYTHON,
  writeFacts,
  writeTrainingSet,
  type Rows,
  type RowsAsked,
  type TrainingDocument,
} from '../support/trainer-programs.ts';

const [BOS, EOS, SOL, EOL, PRI, POST] = [0, 1, 90, 91, 92, 93];

const TWO_CHUNKS: TrainingDocument = {
  id: 7,
  context: [10, 11],
  chunks: [
    { z: [20, 21], x: [30] },
    { z: [22], x: [31, 32] },
  ],
};
const NO_CONTEXT: TrainingDocument = { id: 8, chunks: [{ z: [], x: [33, 34] }] };
const RAW: TrainingDocument = { id: 9, context: [12], chunks: [{ x: [35] }, { x: [36, 37] }] };
const HALF: TrainingDocument = { id: 10, chunks: [{ z: [23], x: [38] }, { x: [39] }, { z: [24], x: [40] }] };

const ASKED: RowsAsked = {
  layout: 'document',
  form: 'prior',
  prefixChunks: 3,
  seed: 5,
  packing: false,
  length: 64,
  rows: 1,
  tokens: 100,
  batch: 1,
};

describe.skipIf(NO_PYTHON)('rows of a training (set THOUGHTLOOP_PYTHON to run)', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'thoughtloop-rows-'));
    writeFacts(folder);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const rowsOf = (documents: readonly TrainingDocument[], asked: Partial<RowsAsked>): Promise<Rows> =>
    layOut(folder, writeTrainingSet(join(folder, 'set'), documents), { ...ASKED, ...asked });

  /** Rows of one pass in the order of the examples, not of the pass. */
  async function examplesOf(documents: readonly TrainingDocument[], asked: Partial<RowsAsked>): Promise<number[][]> {
    const count = (await rowsOf(documents, asked)).order[0]?.length ?? 0;
    const { rows, order } = await rowsOf(documents, { ...asked, rows: count });
    return order[0]?.map((_, example) => [...(rows[order[0]?.indexOf(example) ?? -1] ?? [])]) ?? [];
  }

  test('layout document joins the forms of all chunks behind the context, and raw chunks are plain text', async () => {
    expect(await examplesOf([TWO_CHUNKS, NO_CONTEXT, RAW, HALF], {})).toEqual([
      [BOS, 10, 11, SOL, PRI, 20, 21, EOL, 30, SOL, PRI, 22, EOL, 31, 32, EOS],
      [BOS, SOL, PRI, EOL, 33, 34, EOS],
      [BOS, 12, 35, 36, 37, EOS],
      [BOS, SOL, PRI, 23, EOL, 38, 39, SOL, PRI, 24, EOL, 40, EOS],
    ]);
    expect(await examplesOf([TWO_CHUNKS, NO_CONTEXT], { form: 'posterior' })).toEqual([
      [BOS, 10, 11, SOL, EOL, 30, SOL, POST, 20, 21, EOL, SOL, EOL, 31, 32, SOL, POST, 22, EOL, EOS],
      [BOS, SOL, EOL, 33, 34, SOL, POST, EOL, EOS],
    ]);
  });

  test('layout chunk puts each form behind its raw prefix, and a raw document is one example', async () => {
    expect(await examplesOf([TWO_CHUNKS, RAW, HALF], { layout: 'chunk' })).toEqual([
      [BOS, 10, 11, SOL, PRI, 20, 21, EOL, 30, EOS],
      [BOS, 10, 11, 30, SOL, PRI, 22, EOL, 31, 32, EOS],
      [BOS, 12, 35, 36, 37, EOS],
      [BOS, SOL, PRI, 23, EOL, 38, EOS],
      [BOS, 38, 39, EOS],
      [BOS, 38, 39, SOL, PRI, 24, EOL, 40, EOS],
    ]);
    expect(await examplesOf([TWO_CHUNKS], { layout: 'chunk', form: 'posterior' })).toEqual([
      [BOS, 10, 11, SOL, EOL, 30, SOL, POST, 20, 21, EOL, EOS],
      [BOS, 10, 11, 30, SOL, EOL, 31, 32, SOL, POST, 22, EOL, EOS],
    ]);
  });

  test('a prefix is the whole context and at most so many chunks before', async () => {
    const chunks = [30, 31, 32, 33].map((x) => ({ z: [20], x: [x] }));
    const examples = await examplesOf([{ id: 1, context: [10, 11], chunks }], { layout: 'chunk', prefixChunks: 2 });
    expect(examples.map((ids) => ids.slice(0, ids.indexOf(SOL)))).toEqual([
      [BOS, 10, 11],
      [BOS, 10, 11, 30],
      [BOS, 10, 11, 30, 31],
      [BOS, 10, 11, 31, 32],
    ]);
    expect((await examplesOf([{ id: 1, chunks }], { layout: 'chunk', prefixChunks: 0 }))[3]?.slice(0, 3)).toEqual([
      BOS,
      SOL,
      PRI,
    ]);
  });

  test('each pass reads every example once, in another order, with another coin', async () => {
    const documents = Array.from({ length: 400 }, (_, id) => ({ id, chunks: [{ z: [20], x: [30 + (id % 50)] }] }));
    const { rows, order } = await rowsOf(documents, { form: 'random', rows: 800 });
    expect([...(order[0] ?? [])].sort((a, b) => a - b)).toEqual(documents.map(({ id }) => id));
    expect(order[0]).not.toEqual(order[1]);
    const coins = [0, 1].map((pass) => {
      const coinOf = new Map(order[pass]?.map((example, place) => [example, rows[400 * pass + place]?.[2] === EOL]));
      return documents.map(({ id }) => coinOf.get(id));
    });
    for (const pass of coins) {
      const heads = pass.filter((coin) => coin === true).length;
      expect(Math.abs(heads - 200)).toBeLessThan(4 * 10); // four standard deviations of 400 fair coins
    }
    const same = coins[0]?.filter((coin, id) => coin === coins[1]?.[id]).length ?? 0;
    expect(Math.abs(same - 200)).toBeLessThan(4 * 10);
  });

  test('an example that is longer than the row loses its end and is counted', async () => {
    const { rows, account } = await rowsOf([TWO_CHUNKS, NO_CONTEXT], { length: 9, rows: 4 });
    expect(rows.map((row) => row.length).sort()).toEqual([7, 7, 9, 9]);
    expect(rows.find((row) => row.length === 9)).toEqual([BOS, 10, 11, SOL, PRI, 20, 21, EOL, 30]);
    expect(account).toEqual({ tokens: 32, truncated: 2 });
  });

  test('packed rows are the examples of pass after pass, cut at the row length, and nothing is lost', async () => {
    const documents = [TWO_CHUNKS, NO_CONTEXT, RAW, HALF];
    const asked = { form: 'random' as const, seed: 11 };
    const single = await rowsOf(documents, { ...asked, rows: 12 });
    const stream = single.rows.flat();
    const packed = await rowsOf(documents, {
      ...asked,
      packing: true,
      length: 13,
      rows: Math.floor(stream.length / 13),
    });
    expect(packed.rows.every((row) => row.length === 13)).toBe(true);
    expect(packed.rows.flat()).toEqual(stream.slice(0, packed.rows.length * 13));
    expect(packed.account).toEqual({ tokens: packed.rows.length * 13, truncated: 0 });
  });

  test('a budget in tokens is whole steps when packed, and otherwise reached without counting padding', async () => {
    const documents = [TWO_CHUNKS, NO_CONTEXT]; // 16 and 7 tokens
    const steps = async (asked: Partial<RowsAsked>) => (await rowsOf(documents, asked)).steps;
    expect(await steps({ packing: true, length: 8, batch: 2, tokens: 47 })).toBe(2);
    expect(await steps({ batch: 2, tokens: 46 })).toBe(2);
    expect(await steps({ batch: 2, tokens: 47 })).toBe(3);
    await expect(steps({ packing: true, length: 8, batch: 2, tokens: 15 })).rejects.toThrow(/at least one step.*16/);
  });

  test.each(['document', 'chunk'] as const)('planned lengths are the real ones in layout %s', async (layout) => {
    const { lengths } = await rowsOf([TWO_CHUNKS, NO_CONTEXT, RAW, HALF], { layout, form: 'random', prefixChunks: 1 });
    expect(lengths.map(([planned]) => planned)).toEqual(lengths.map(([, real]) => real));
  });
});
