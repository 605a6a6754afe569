import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pcg64 } from '../../activities/segmentation/pcg64.ts';

const DATA = path.resolve(process.env['THOUGHTLOOP_SHARED_DATA'] ?? '../shared/data');

/** Field names of each file, in the order in which they make one text. */
const FILES: readonly (readonly [file: string, fields: readonly string[]])[] = [
  ['math/test.jsonl', ['problem', 'solution']],
  ['gsm8k/train.jsonl', ['question', 'answer']],
  ['gsm8k/test.jsonl', ['question', 'answer']],
];

/** Whether the benchmark data is there. */
export const realTextsPresent = FILES.every(([file]) => existsSync(path.join(DATA, file)));

/** Says why a comparison on real texts is skipped; for the title of a test. */
export const realTextsNote = realTextsPresent ? '' : ` (skipped: no data in ${DATA}; set THOUGHTLOOP_SHARED_DATA)`;

/** Each problem and each solution of MATH and GSM8K, and both as one document. */
export function realTexts(): string[] {
  return FILES.flatMap(([file, fields]) =>
    readFileSync(path.join(DATA, file), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => {
        const row = JSON.parse(line) as Record<string, string>;
        const parts = fields.map((field) => row[field] ?? '');
        return [...parts, parts.join('\n\n')];
      }),
  );
}

const WORDS = [
  'Hello world the Then so I a x U.S. e.g. i.e Mr Dr. J. K p.m. etc. München élan ß İ ŉ ª. º $x$ \\frac{1}{2}',
  '1 12 3.14 1,000 -5 .5 5. 7, 1.2.3. 1-2. २ 𝟙𝟚 ٣. # ##number## ½ Ⅷ. _. x² <<2*3=6>>',
  'Ελλάδα ὀδός Россия мир שלום مرحبا 中文 日本。 ไทย 한국 ǅ. 𝐀 𝐚. 𐐀 𐐨. 𝓍 😀 👩‍👧 𠮷. क्.',
  'e\u0301. \u0301 \u200d \u200b \ufeff \u00ad',
].flatMap((line) => line.split(' '));
const MARKS = [
  '. . . . ? ! .. ... .... ?! !!! , ; : - -- --- — … 。 ¿ .) ." .” ?) .\'--',
  "\" ' ( ) [ ] { } “ ” ‘ ’ « » ` `` '' * & @ / %",
]
  .flatMap((line) => line.split(' '))
  .concat('. . .', '. .');
/** Every whitespace character of Unicode and of Python. */
const SPACE_CHARACTERS =
  ' \t\n\v\f\r\u001c\u001d\u001e\u001f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';
const COMMON_SPACES = [' ', '  ', '   ', '\n', '\n\n', '\n \n', '\n\n\n', '\r\n', '\r\n\r\n', '\t'];
const CONTROLS = [...'\u0000\u0001\u001b\u007f\u009f\ud800 \udfff\u180e\u2060\u200e\u202e'];

/** Few characters that meet often: dense texts of them reach the rules' rare combinations. */
const DENSE = [...'...?!,-)"\n\n  \r\u00a0\u2028xXé𝐀5'];

/** Blocks of letters that every Unicode version since 13 agrees on. */
const BLOCKS: readonly (readonly [first: number, last: number])[] = [
  [0x21, 0x7e],
  [0xa1, 0x24f],
  [0x391, 0x3c9],
  [0x410, 0x44f],
  [0x5d0, 0x5ea],
  [0x620, 0x669],
  [0x905, 0x939],
  [0x1e00, 0x1eff],
  [0x2010, 0x2027],
  [0x2160, 0x2188],
  [0x3041, 0x3096],
  [0x4e00, 0x4eff],
  [0x10400, 0x1044f],
  [0x1d400, 0x1d454],
  [0x1d7ce, 0x1d7ff],
  [0x1f600, 0x1f64f],
];

/**
 * Texts that mix what is hard for a sentence splitter: abbreviations, initials, numbers, ellipses, quotes, brackets, many
 * scripts, every whitespace of Unicode, control characters, lone surrogates.
 *
 * @param count - how many; the same seed gives the same texts
 */
export function generatedTexts(count: number, seed: number): string[] {
  const uniform = pcg64(seed);
  const below = (bound: number): number => Math.floor(uniform() * bound);
  const pick = (list: readonly string[]): string => list[below(list.length)] ?? '';
  const letter = (): string => {
    const [first, last] = BLOCKS[below(BLOCKS.length)] ?? [0x41, 0x5a];
    return String.fromCodePoint(first + below(last - first + 1));
  };
  const piece = (spaceShare: number): string => {
    const kind = uniform();
    if (kind < 0.6 * spaceShare) return pick(COMMON_SPACES);
    if (kind < spaceShare) return pick([...SPACE_CHARACTERS]);
    if (kind < spaceShare + 0.3) return pick(MARKS);
    if (kind < 0.93) return pick(WORDS);
    return kind < 0.98 ? letter() : pick(CONTROLS);
  };
  return Array.from({ length: count }, () => {
    if (uniform() < 0.3) return Array.from({ length: below(16) }, () => pick(DENSE)).join('');
    const spaceShare = 0.05 + 0.4 * uniform();
    const pieces = below(uniform() < 0.2 ? 120 : 14);
    return Array.from({ length: pieces }, () => piece(spaceShare)).join('');
  });
}

/** Texts of a given length, in UTF-16 code units, on which a backtracking or quadratic splitter does not end. */
export function hostileTexts(length: number): string[] {
  const repeated = 'a|.|!| |\n|. | .|? |.\n|a.\u00a0|.)|)\'"|1.|1,|-|A. |. . | \n|\r\n|𝟙.|.\u2028'.split('|');
  return repeated.flatMap((unit) => {
    const body = unit.repeat(Math.ceil(length / unit.length));
    return [body, `a. ${body}`, `${body}x`, `a ${body} b.`];
  });
}
