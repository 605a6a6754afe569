import { expect, test } from 'vitest';
import { documentRanges } from '../../activities/corpus/document-ranges.ts';
import type { OpenRanges } from '../../workflows/contract/references.ts';
import type { Gate } from '../../workflows/gate.ts';
import { madeInRanges } from '../../workflows/in-ranges.ts';

const open = { pass: () => Promise.resolve() } as Gate;
const ranges = [
  { from: 0, to: 10 },
  { from: 10, to: 20 },
];

test('what is made of a split is asked for again once its open ranges are done', async () => {
  const answers: (OpenRanges | { made: true })[] = [
    { open: 'cutting', ranges },
    { open: 'writing', ranges: ranges.slice(1) },
    { made: true },
  ];
  const done: string[] = [];
  const work = async (what: string, { from }: { from: number }): Promise<void> => void done.push(`${what} ${from}`);
  expect(await madeInRanges(open, () => Promise.resolve(answers.shift() as { made: true }), work)).toEqual({
    made: true,
  });
  expect(done).toEqual(['cutting 0', 'cutting 10', 'writing 10']);
});

test('ranges that are open whenever it is asked for are left to one worker', async () => {
  let done = 0;
  const ask = (inRanges: boolean): Promise<OpenRanges | { made: true }> =>
    Promise.resolve(inRanges ? { open: 'writing', ranges } : { made: true });
  expect(await madeInRanges(open, ask, async () => void (done += 1))).toEqual({ made: true });
  expect(done).toBe(8);
});

test('a range that fails is the failure of all, once those under way have settled', async () => {
  const work = (_: string, { from }: { from: number }): Promise<void> =>
    from === 0 ? Promise.reject(new Error('no disk')) : Promise.resolve();
  await expect(madeInRanges(open, () => Promise.resolve({ open: 'cutting', ranges }), work)).rejects.toThrow('no disk');
});

test('the ranges of a split hold each document once, in order, and are few however many there are', () => {
  for (const documents of [0, 1, 4_000, 4_001, 100_000, 10_000_000]) {
    const found = documentRanges(documents);
    expect(found.length).toBeLessThanOrEqual(64);
    expect(found.reduce((next, { from, to }) => (from === next && to > from ? to : NaN), 0)).toBe(documents);
  }
});
