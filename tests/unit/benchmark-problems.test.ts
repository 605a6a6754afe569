import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseProblems, problemFilePath, readProblems } from '../../activities/evaluation/problem-file.ts';
import { gradeLastNumber } from '../../activities/evaluation/graders/last-number.ts';
import { gradeMathString } from '../../activities/evaluation/graders/math-string.ts';

const SHARED_DATA = process.env['THOUGHTLOOP_SHARED_DATA'] ?? '../shared/data';
const MATH = join(SHARED_DATA, 'math/test.jsonl');
const GSM8K = join(SHARED_DATA, 'gsm8k/test.jsonl');
const missing = !existsSync(MATH) || !existsSync(GSM8K);
const note = missing ? ` (skipped: no benchmark data in ${SHARED_DATA}; set THOUGHTLOOP_SHARED_DATA)` : '';

describe.skipIf(missing)(`the real benchmark files${note}`, () => {
  test('every MATH row has a boxed gold answer, and its own solution is graded right', async () => {
    const content = await readFile(MATH, 'utf8');
    const problems = parseProblems('math', content, MATH);
    expect(problems).toHaveLength(5_000);
    for (const { solution, answer } of problems) {
      expect(answer).not.toBe('');
      expect(gradeMathString(solution ?? '', answer)).toEqual({ verdict: 'right', answer });
    }
    const subjects = new Map<string, number>();
    for (const line of content.trim().split('\n')) {
      const { type } = JSON.parse(line) as { type: string };
      subjects.set(type, (subjects.get(type) ?? 0) + 1);
    }
    expect(Object.fromEntries(subjects)).toEqual({
      Algebra: 1187,
      'Counting & Probability': 474,
      Geometry: 479,
      'Intermediate Algebra': 903,
      'Number Theory': 540,
      Prealgebra: 871,
      Precalculus: 546,
    });
  });

  test('every GSM8K row has a number behind ####, which its own answer is graded by', async () => {
    const problems = parseProblems('gsm8k', await readFile(GSM8K, 'utf8'), GSM8K);
    expect(problems).toHaveLength(1_319);
    for (const { solution, answer } of problems) {
      expect(solution).not.toMatch(/<<|>>|####/);
      expect(gradeLastNumber(`The answer is ${answer}.`, answer).verdict).toBe('right');
    }
  });
});

describe('the examples that come with the program', () => {
  test.each([
    ['math-shots.jsonl', 'math', 4],
    ['gsm8k-shots.jsonl', 'gsm8k', 8],
  ] as const)('%s has %s examples with solution and answer', async (file, format, count) => {
    const shots = parseProblems(format, await readFile(`deploy/benchmarks/${file}`, 'utf8'), file, count);
    expect(shots).toHaveLength(count);
    expect(shots.every(({ solution }) => solution !== null && solution !== '')).toBe(true);
  });
});

describe('a line that is no problem is named with its file', () => {
  const good = '{"problem": "1+1?", "answer": "2"}\n';
  test.each([
    ['jsonl', '{"problem": "1+1?"}', 'answer'],
    ['jsonl', '{"problem": "", "answer": "2"}', 'problem'],
    ['jsonl', '{"problem": "1+1?", "answer": 2}', 'answer'],
    ['jsonl', '{"problem": "1+1?", "answer', 'JSON'],
    ['jsonl', '[]', ''],
  ] as const)('%s: %s', (format, line, word) => {
    expect(() => parseProblems(format, `${good}\n${line}\n`, 'test.jsonl')).toThrowError(
      new RegExp(`${word}.*test\\.jsonl:3`),
    );
  });

  test.each([
    ['math', '{"problem": "1+1?", "solution": "It is 2."}', 'boxed'],
    ['math', '{"problem": "1+1?", "solution": "It is \\\\boxed{2"}', 'boxed'],
    ['gsm8k', '{"question": "1+1?", "answer": "It is 2."}', '####'],
    ['gsm8k', '{"question": "1+1?", "answer": "It is 2.\\n#### "}', '####'],
  ] as const)('%s: %s', (format, line, word) => {
    expect(() => parseProblems(format, line, 'test.jsonl')).toThrowError(new RegExp(`${word}.*test\\.jsonl:1`));
  });

  test('an empty file, or one with fewer problems than examples wanted', () => {
    expect(() => parseProblems('jsonl', '', 'test.jsonl')).toThrowError(/at least 1 .*test\.jsonl, found 0/);
    expect(() => parseProblems('jsonl', good, 'test.jsonl', 4)).toThrowError(/at least 4 .*test\.jsonl, found 1/);
  });

  test('a GSM8K question is read as the corpus has it, without spaces around it and without annotations', () => {
    const line = '{"question": " 1+1? ", "answer": "It is 1+1=<<1+1=2>>2.\\n#### 2"}';
    expect(parseProblems('gsm8k', line, 'test.jsonl')).toEqual([
      { index: 0, problem: '1+1?', solution: 'It is 1+1=2.', answer: '2' },
    ]);
  });

  test('a byte order mark and blank lines are no problems', () => {
    expect(parseProblems('jsonl', `\uFEFF${good}\r\n\n`, 'test.jsonl')).toEqual([
      { index: 0, problem: '1+1?', answer: '2', solution: null },
    ]);
  });
});

describe("the run's copy of a file", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'thoughtloop-problems-'));
    await mkdir(join(folder, 'benchmarks'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });
  const content = '{"problem": "1+1?", "answer": "2"}\n';
  const digest = createHash('sha256').update(content).digest('hex');

  test('that is missing, or is another one, is not read', async () => {
    const file = { file: 'bench/test.jsonl', digest };
    await expect(readProblems(folder, 'jsonl', file)).rejects.toMatchObject({
      type: 'RecipeInvalid',
      nonRetryable: true,
    });
    await writeFile(problemFilePath(folder, digest), content);
    await expect(readProblems(folder, 'jsonl', file)).resolves.toHaveLength(1);
    await writeFile(problemFilePath(folder, digest), content.replace('2', '3'));
    await expect(readProblems(folder, 'jsonl', file)).rejects.toThrowError(/bench\/test\.jsonl.*with sha256/);
  });

  test('that is not UTF-8 is refused', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x7d]);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await writeFile(problemFilePath(folder, sha256), bytes);
    await expect(readProblems(folder, 'jsonl', { file: 'x.jsonl', digest: sha256 })).rejects.toThrowError(/UTF-8/);
  });
});
