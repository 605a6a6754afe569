import { describe, expect, test } from 'vitest';
import { chunkLengths, evenChunkLengths } from '../../activities/segmentation/chunk-lengths.ts';
import { pcg64 } from '../../activities/segmentation/pcg64.ts';
import { poisson } from '../../activities/segmentation/poisson.ts';
import { sentenceEnds } from '../../activities/segmentation/sentence-units.ts';
import { askReference, python, pythonNote } from '../support/segmentation-reference.ts';
import { generatedTexts, realTexts, realTextsNote, realTextsPresent } from '../support/segmentation-texts.ts';

const SETTINGS = { meanSentences: 8, minSentences: 1, maxSentences: 20, seed: 42 };

/** Means below and above the change of algorithm, and at it. */
const MEANS = [0, 0.3, 1, 3, 7, 9.99, 10, 12.5, 30, 200];

/**
 * Compares units and chunk lengths with the released code where that works; it drops what stands behind the last paragraph,
 * which is here the end of the last unit.
 */
function compare(texts: readonly string[]): { differing: string[]; compared: number; several: number } {
  const answers = askReference(
    texts.flatMap((text) => [
      { op: 'units', text },
      { op: 'chunks', text, mean: 8, min: 1, max: 20, seed: 42 },
    ]),
  ) as (number[] | null)[];
  let compared = 0;
  let several = 0;
  const differing = texts.filter((text, index) => {
    const released = answers[2 * index];
    const lengths = answers[2 * index + 1];
    if (!released || !lengths || released.length === 0) return false;
    compared++;
    if (lengths.length > 1) several++;
    const ends = sentenceEnds(text);
    const same =
      JSON.stringify(ends) === JSON.stringify([...released.slice(0, -1), text.length]) &&
      /^[\n\r]*$/.test(text.slice(released.at(-1))) &&
      JSON.stringify(chunkLengths(text, ends.length, SETTINGS)) === JSON.stringify(lengths);
    return !same;
  });
  return { differing: differing.slice(0, 10), compared, several };
}

describe.skipIf(python === undefined)(`segmentation against the released code${pythonNote}`, () => {
  test('generated texts have the released cuts', { timeout: 120_000 }, () => {
    const { differing, compared, several } = compare(generatedTexts(10_000, 3));
    expect(differing).toEqual([]);
    expect(compared).toBeGreaterThan(8_000);
    expect(several).toBeGreaterThan(500);
  });

  test.skipIf(!realTextsPresent)(`MATH and GSM8K have the released cuts${realTextsNote}`, { timeout: 120_000 }, () => {
    const texts = realTexts();
    const { differing, compared, several } = compare(texts);
    expect(differing).toEqual([]);
    expect(compared).toBeGreaterThan(0.99 * texts.length);
    expect(several).toBeGreaterThan(4_000);
  });

  test('Poisson draws equal numpy’s for thousands of seeds', { timeout: 120_000 }, () => {
    const wide = pcg64(4);
    const seeds = Array.from({ length: 5_000 }, (_, i) => (i < 1_000 ? i : Math.floor(wide() * 2 ** 32)));
    const count = 40;
    const answers = askReference(
      seeds.map((seed, i) => ({ op: 'poisson', seed, mean: MEANS[i % MEANS.length], count })),
    ) as number[][];
    const differing = seeds.filter((seed, i) => {
      const uniform = pcg64(seed);
      const draws = Array.from({ length: count }, () => poisson(uniform, MEANS[i % MEANS.length] ?? 0));
      return JSON.stringify(draws) !== JSON.stringify(answers[i]);
    });
    expect(differing).toEqual([]);
  });

  test('even chunks equal numpy’s linspace', () => {
    const cases = Array.from({ length: 3_000 }, (_, i) => ({ units: i, mean: [1, 3, 7, 8, 8.5, 20][i % 6] ?? 8 }));
    const answers = askReference(cases.map((entry) => ({ op: 'even', ...entry }))) as number[][];
    const differing = cases.filter(({ units, mean }, i) => {
      const boundaries = [0];
      for (const length of evenChunkLengths(units, mean)) boundaries.push((boundaries.at(-1) ?? 0) + length);
      return JSON.stringify(boundaries) !== JSON.stringify(answers[i]);
    });
    expect(differing).toEqual([]);
  });
});
