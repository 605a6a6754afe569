import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDocumentLine } from '../../activities/corpus/document-line.ts';
import { gsm8kAnswer } from '../../activities/evaluation/gsm8k-answer.ts';
import { makeGsm8k, writeGsm8k, type Gsm8kRow } from '../../scripts/corpora/gsm8k.ts';

const row = (n: number): Gsm8kRow => ({
  question: `Q${n}?`,
  answer: `1+${n} = <<1+${n}=${n + 1}>>${n + 1}.\n#### ${n + 1}`,
});
const rows = (from: number, to: number): Gsm8kRow[] => Array.from({ length: to - from }, (_, i) => row(from + i));

describe('an answer is taken apart', () => {
  test.each<[string, ReturnType<typeof gsm8kAnswer>]>([
    ['48/2 = <<48/2=24>>24 clips.\n#### 24', { steps: '48/2 = 24 clips.', final: '24' }],
    ['a <<1=1>>1, b <<2=2>>2\nc\n#### 1,000 ', { steps: 'a 1, b 2\nc', final: '1,000' }],
    ['#### is no end\n#### 5', { steps: '#### is no end', final: '5' }],
    ['no final answer', null],
    ['steps\n####', null],
    ['#### 5', { steps: '', final: '5' }],
  ])('%j', (answer, expected) => {
    expect(gsm8kAnswer(answer)).toEqual(expected);
  });
});

describe('the corpus', () => {
  const settings = { teacher: 3, em: 4, heldOut: 2, test: 2, seed: 1 };

  test('shows solutions in the teacher split alone, and shares no question between splits', () => {
    const corpus = makeGsm8k([...rows(0, 12), row(0)], [row(0), row(50), row(51)], settings);
    expect([corpus.teacher.length, corpus.em.length, corpus.heldOut.length, corpus.test.length]).toEqual([3, 4, 2, 2]);
    const contexts = [...corpus.teacher, ...corpus.em, ...corpus.heldOut].map(({ context }) => context);
    expect(new Set(contexts).size).toBe(9);
    expect(contexts).not.toContain('Question: Q0?\n');
    const n = Number(/\d+/.exec(corpus.teacher[0]?.context ?? '')?.[0]);
    expect(corpus.teacher[0]).toEqual({
      context: `Question: Q${n}?\n`,
      chunks: [{ text: `Final Answer: ${n + 1}`, thought: `1+${n} = ${n + 1}.` }],
    });
    expect(Object.keys(corpus.em[0] ?? {})).toEqual(['context', 'text']);
    expect(corpus.test).toEqual([row(0), row(50)]);
    expect(makeGsm8k([...rows(0, 12), row(0)], [row(0), row(50), row(51)], settings)).toEqual(corpus);
  });

  test('is refused where rows are missing or one has no solution or no final answer', () => {
    expect(() => makeGsm8k(rows(0, 8), rows(50, 60), settings)).toThrow(/at most 8 rows of the train file/);
    expect(() => makeGsm8k(rows(0, 12), rows(50, 51), settings)).toThrow(/at most 1 rows of the test file/);
    for (const answer of ['no end', '#### 5']) {
      const broken = rows(0, 9).map(({ question }) => ({ question, answer }));
      expect(() => makeGsm8k(broken, rows(50, 60), settings)).toThrow(/steps, `####` and a final answer/);
    }
  });

  test('names the file and line of a row that is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'thoughtloop-gsm8k-'));
    await writeFile(join(folder, 'train.jsonl'), `${JSON.stringify(row(0))}\n{"question": "Q"}\n`);
    await writeFile(join(folder, 'test.jsonl'), '');
    await expect(writeGsm8k(folder, join(folder, 'out'))).rejects.toThrow(/train\.jsonl:2/);
    await expect(writeGsm8k(join(folder, 'none'), folder)).rejects.toThrow(/train\.jsonl/);
    await rm(folder, { recursive: true });
  });
});

const shared = join(process.env['THOUGHTLOOP_SHARED_DATA'] ?? '../shared/data', 'gsm8k');

describe.skipIf(!existsSync(shared))(`the whole of GSM8K (in ${shared}; skipped where it is missing)`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'thoughtloop-gsm8k-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('can be imported line for line, without calculator annotations', async () => {
    const sizes = { teacher: 3_000, em: 4_000, heldOut: 400, test: 1_319, seed: 0 };
    const written = await writeGsm8k(shared, folder, sizes);
    expect(written.map(({ rows: count }) => count)).toEqual([3_000, 4_000, 400, 1_319]);
    for (const { file } of written.slice(0, 3)) {
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      for (const line of lines) expect(parseDocumentLine(Buffer.from(line), 'text').kind).toBe('document');
      expect(lines.join('')).not.toMatch(/<<|>>|####/);
    }
  });
});
