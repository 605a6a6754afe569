import { describe, expect, test } from 'vitest';
import { parseDocumentLine } from '../../activities/corpus/document-line.ts';
import { drawDistinct } from '../../scripts/corpora/draw-distinct.ts';
import { makeMicro, MICRO_DEFAULTS } from '../../scripts/corpora/micro.ts';

describe('the micro corpus', () => {
  const corpus = makeMicro();

  test('has the documents asked for, and no question in two places', () => {
    const { teacher, em, heldOut, test: problems } = corpus;
    expect([teacher.length, em.length, heldOut.length, problems.length]).toEqual([100, 1_500, 200, 400]);
    const questions = [...teacher, ...em, ...heldOut].map(({ context }) => context);
    questions.push(...problems.map(({ problem }) => problem));
    expect(new Set(questions).size).toBe(2_200);
    for (const question of questions) expect(question).toMatch(/^Add up( [0-6]){4} \.$/);
  });

  test('says the running sums in the teacher’s thoughts, and the last of them everywhere', () => {
    for (const { context, chunks } of corpus.teacher) {
      const [a, b, c, d] = (context.match(/\d/g) ?? []).map(Number) as [number, number, number, number];
      const sums = [(a + b) % 7, (a + b + c) % 7, (a + b + c + d) % 7];
      expect(chunks).toEqual([{ thought: ` Then ${sums.join(' ')}`, text: ` It ends in ${sums[2]} .` }]);
    }
    for (const { context, text } of [...corpus.em, ...corpus.heldOut]) {
      const total = (context.match(/\d/g) ?? []).reduce((sum, digit) => sum + Number(digit), 0) % 7;
      expect(text).toBe(` It ends in ${total} .`);
    }
    for (const { problem, answer } of corpus.test) {
      const total = (problem.match(/\d/g) ?? []).reduce((sum, digit) => sum + Number(digit), 0) % 7;
      expect(answer).toBe(`It ends in ${total} .`);
    }
  });

  test('is the same for the same seed and another for another', () => {
    expect(makeMicro()).toEqual(corpus);
    expect(makeMicro({ ...MICRO_DEFAULTS, seed: 1 }).teacher).not.toEqual(corpus.teacher);
  });

  test('can be imported', () => {
    for (const line of [...corpus.teacher, ...corpus.em, ...corpus.heldOut]) {
      expect(parseDocumentLine(Buffer.from(JSON.stringify(line)), 'text').kind).toBe('document');
    }
  });

  test('is refused where there are not enough questions or a setting is out of range', () => {
    expect(() => makeMicro({ ...MICRO_DEFAULTS, em: 1_702 })).toThrow(/at most 2401 documents.*found 2402/);
    expect(makeMicro({ ...MICRO_DEFAULTS, em: 1_701 }).em).toHaveLength(1_701);
    expect(() => makeMicro({ ...MICRO_DEFAULTS, modulus: 11 })).toThrow(/modulus from 2 to 10/);
    expect(() => makeMicro({ ...MICRO_DEFAULTS, digits: 1 })).toThrow(/2 to 8 digits/);
  });
});

test('drawing gives different numbers, all of them when all are asked for, and refuses more', () => {
  expect(drawDistinct(50, 50, 3).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  const some = drawDistinct(1_000, 10_000_000, 3);
  expect(new Set(some).size).toBe(1_000);
  expect(some.slice(0, 10)).toEqual(drawDistinct(10, 10_000_000, 3));
  expect(() => drawDistinct(3, 2, 0)).toThrow(RangeError);
});
