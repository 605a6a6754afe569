import { describe, expect, test } from 'vitest';
import { chunkLengths, chunkSeed, evenChunkLengths } from '../../activities/segmentation/chunk-lengths.ts';
import { pcg64 } from '../../activities/segmentation/pcg64.ts';
import { poisson } from '../../activities/segmentation/poisson.ts';
import { seedWords } from '../../activities/segmentation/seed-sequence.ts';
import { chunkTexts, segment, segmentEvenly } from '../../activities/segmentation/segment.ts';
import { sentenceEnds } from '../../activities/segmentation/sentence-units.ts';
import { generatedTexts, hostileTexts } from '../support/segmentation-texts.ts';

const PAPER = { kind: 'sentences', meanSentences: 8, minSentences: 1, maxSentences: 20, seed: 42 } as const;

function units(text: string): string[] {
  return chunkTexts(text, sentenceEnds(text));
}

describe('sentence units', () => {
  test.each<[rule: string, text: string, expected: string[]]>([
    ['whitespace goes to the front of the next sentence', 'One.  Two.\nThree.', ['One.', '  Two.', '\nThree.']],
    ['a blank line ends a paragraph and stays at its end', 'no end\n \nTwo. Three', ['no end\n \n', 'Two.', ' Three']],
    ['a blank line may hold any whitespace', 'a\n\u2003\r\t\nb', ['a\n\u2003\r\t\n', 'b']],
    ['carriage returns alone make no blank line', 'a\r\rb', ['a\r\rb']],
    ['trailing whitespace goes to the last sentence', 'One. Two. \n\n ', ['One.', ' Two. \n\n ']],
    ['leading newlines go to the first sentence', '\n\r\nOne. Two.', ['\n\r\nOne.', ' Two.']],
    ['carriage returns between paragraphs go to the sentence behind them', 'a\n\n\rb', ['a\n\n', '\rb']],
    ['a paragraph of whitespace only joins the next sentence', '  \n\n One. Two', ['  \n\n One.', ' Two']],
    ['a paragraph of whitespace only at the end joins the last sentence', 'One. Two.\n\n  ', ['One.', ' Two.\n\n  ']],
    ['whitespace only is one unit', '\n \n', ['\n \n']],
    ['newlines only are one unit', '\n\n', ['\n\n']],
    ['the empty text has none', '', []],
  ])('%s', (_rule, text, expected) => {
    expect(units(text)).toEqual(expected);
  });
});

describe('chunks', () => {
  const texts = generatedTexts(3_000, 2);

  test('chunks concatenate to the text, none is empty', () => {
    for (const text of texts) {
      for (const ends of [segment(text, PAPER), segmentEvenly(text, 3), segment(text, { kind: 'whole' })]) {
        const chunks = chunkTexts(text, ends);
        expect(chunks.join('')).toBe(text);
        expect(chunks).not.toContain('');
      }
    }
  });

  test('chunks never cut a surrogate pair', () => {
    for (const text of texts.filter((candidate) => candidate.isWellFormed())) {
      expect(chunkTexts(text, sentenceEnds(text)).every((chunk) => chunk.isWellFormed())).toBe(true);
    }
  });

  test('chunks end where sentences end', () => {
    for (const text of texts) {
      const sentences = new Set(sentenceEnds(text));
      expect(segment(text, PAPER).filter((end) => !sentences.has(end))).toEqual([]);
    }
  });

  test('the empty text has no chunks', () => {
    expect([segment('', PAPER), segment('', { kind: 'whole' }), segmentEvenly('', 8)]).toEqual([[], [], []]);
  });

  test('whole makes the text one chunk', () => {
    expect(segment('One. Two.', { kind: 'whole' })).toEqual([9]);
  });

  test('lengths stay between the least and the greatest, except for the last chunk', () => {
    const lengths = chunkLengths('text', 10_000, { ...PAPER, minSentences: 3, maxSentences: 9 });
    expect(Math.max(...lengths)).toBe(9);
    expect(Math.min(...lengths.slice(0, -1))).toBe(3);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(10_000);
  });

  test('a mean equal to the least gives chunks of that length', () => {
    expect(chunkLengths('text', 7, { ...PAPER, meanSentences: 3, minSentences: 3 })).toEqual([3, 3, 1]);
  });

  test('another seed or another text gives other lengths', () => {
    const drawn = (text: string, seed: number): string => chunkLengths(text, 200, { ...PAPER, seed }).join();
    expect(new Set([drawn('a', 42), drawn('a', 43), drawn('b', 42)]).size).toBe(3);
  });

  test.each([
    { ...PAPER, minSentences: 0 },
    { ...PAPER, minSentences: 1.5 },
    { ...PAPER, meanSentences: 2, minSentences: 3 },
    { ...PAPER, maxSentences: 0 },
    { ...PAPER, meanSentences: Number.NaN },
  ])('settings that contradict each other are refused: $minSentences, $meanSentences, $maxSentences', (settings) => {
    expect(() => segment('One. Two.', settings)).toThrow(RangeError);
  });

  test('even chunks differ by at most one sentence and never exceed the mean', () => {
    expect(evenChunkLengths(29, 8)).toEqual([7, 7, 7, 8]);
    expect(evenChunkLengths(0, 8)).toEqual([]);
    expect(() => evenChunkLengths(5, 0)).toThrow(RangeError);
  });

  // A splitter that backtracks over a run, or reads it again from each of its characters, exceeds any time limit here.
  test('hostile texts of 300,000 characters end', { timeout: 60_000 }, () => {
    for (const text of hostileTexts(300_000)) {
      expect(segment(text, PAPER).at(-1)).toBe(text.length);
    }
  });
});

describe('numpy’s draws', () => {
  test('SeedSequence gives numpy’s words', () => {
    expect([...seedWords(42, 8)]).toEqual([
      3444837047, 2669555309, 2046530742, 3581440988, 1691623607, 2099784219, 1184028159, 862288241,
    ]);
    expect([...seedWords(0xffff_ffff, 4)]).toEqual([1992424968, 705021410, 3255730584, 540206095]);
  });

  test.each([
    [0, [0.6369616873214543, 0.2697867137638703]],
    [42, [0.7739560485559633, 0.4388784397520523]],
    [0xffff_ffff, [0.2519435680449965, 0.21906579628685663]],
  ])('PCG64 seeded with %i gives numpy’s doubles', (seed, expected) => {
    const uniform = pcg64(seed);
    expect([uniform(), uniform()]).toEqual(expected);
  });

  test.each([
    [0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    [0.5, [1, 1, 0, 2, 0, 0, 0, 1, 1, 0, 0, 0]],
    [7, [9, 7, 9, 7, 7, 7, 8, 7, 5, 8, 3, 6]],
    [10, [13, 6, 9, 11, 9, 10, 13, 13, 13, 10, 6, 8]],
    [40, [45, 48, 45, 32, 37, 43, 39, 41, 47, 45, 46, 39]],
  ])('Poisson(%d) with seed 42 gives numpy’s counts', (mean, expected) => {
    const uniform = pcg64(42);
    expect(expected.map(() => poisson(uniform, mean))).toEqual(expected);
  });

  test.each([-1, Number.NaN, Infinity])('a Poisson mean of %d is refused', (mean) => {
    expect(() => poisson(pcg64(0), mean)).toThrow(RangeError);
  });

  test('the chunk seed is the low word of the text’s md5 plus the seed', () => {
    expect(chunkSeed('héllo 😀', 42)).toBe(3441397589);
    expect(chunkSeed('héllo 😀', 42 + 2 ** 32)).toBe(3441397589);
    expect(chunkSeed('a lone \ud800', 42)).toBe(42);
  });
});
