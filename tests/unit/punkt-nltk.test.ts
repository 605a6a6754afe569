import { describe, expect, test } from 'vitest';
import {
  hasClass,
  isDigit,
  isLetter,
  isLower,
  isUpper,
  SPACE,
} from '../../activities/segmentation/character-classes.ts';
import { punktSpans } from '../../activities/segmentation/punkt.ts';
import { askReference, python, pythonNote } from '../support/segmentation-reference.ts';
import { generatedTexts, realTexts, realTextsNote, realTextsPresent } from '../support/segmentation-texts.ts';

const CODE_POINTS = 0x11_0000;

/** Letters whose case Unicode changed after version 14; Python's releases disagree about them among themselves. */
const CASE_CHANGED = [0x295, 0x10fc, 0xa7f2, 0xa7f3, 0xa7f4, 0xab69];

type Ranges = readonly (readonly [first: number, last: number])[];

/** Texts on which Punkt and NLTK differ, at most ten, and how many sentences NLTK found in all. */
function compare(texts: readonly string[]): { differing: string[]; sentences: number } {
  const answers = askReference(texts.map((text) => ({ op: 'spans', text }))) as [number, number][][];
  const differing = texts.filter((text, index) => {
    const ours = punktSpans(text).map(({ start, end }) => [start, end]);
    return JSON.stringify(ours) !== JSON.stringify(answers[index]);
  });
  return { differing: differing.slice(0, 10), sentences: answers.reduce((sum, spans) => sum + spans.length, 0) };
}

describe.skipIf(python === undefined)(`Punkt against NLTK${pythonNote}`, () => {
  test('generated texts of every script, whitespace and punctuation have the same spans', { timeout: 120_000 }, () => {
    const { differing, sentences } = compare(generatedTexts(20_000, 1));
    expect(differing).toEqual([]);
    expect(sentences).toBeGreaterThan(40_000);
  });

  test.skipIf(!realTextsPresent)(`MATH and GSM8K have the same spans${realTextsNote}`, { timeout: 120_000 }, () => {
    const { differing, sentences } = compare(realTexts());
    expect(differing).toEqual([]);
    expect(sentences).toBeGreaterThan(150_000);
  });

  test('character classes agree on every code point that Python knows', { timeout: 120_000 }, () => {
    const [classes] = askReference([{ op: 'classes' }]) as [Record<string, Ranges>];
    const members = (name: string): Set<number> =>
      new Set(
        (classes[name] ?? []).flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i)),
      );
    const unassigned = members('unassigned');
    const differences = (name: string, holds: (codePoint: number) => boolean): string[] => {
      const expected = members(name);
      expect(expected.size).toBeGreaterThan(0);
      return Array.from({ length: CODE_POINTS }, (_, codePoint) => codePoint)
        .filter((codePoint) => !unassigned.has(codePoint) && holds(codePoint) !== expected.has(codePoint))
        .map((codePoint) => codePoint.toString(16));
    };
    const isSpace = (codePoint: number): boolean => hasClass(String.fromCodePoint(codePoint), 0, SPACE);
    const caseKnown = (digits: string): boolean => !CASE_CHANGED.includes(Number.parseInt(digits, 16));

    expect(differences('space', isSpace)).toEqual([]);
    expect(differences('regexSpace', isSpace)).toEqual([]);
    expect(differences('digit', isDigit)).toEqual([]);
    expect(differences('letter', isLetter)).toEqual([]);
    expect(differences('upper', isUpper).filter(caseKnown)).toEqual([]);
    expect(differences('lower', isLower).filter(caseKnown)).toEqual([]);
  });
});
