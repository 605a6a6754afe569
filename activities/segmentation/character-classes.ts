/**
 * The character classes that Python's `re` and `str` give to NLTK's Punkt, for JavaScript strings.
 *
 * Characters that Punkt names one by one, and Python's whitespace, all lie below U+10000, so they are looked up by UTF-16
 * code unit; letters, digits and case reach beyond and are asked by code point. Letters and case follow the Unicode
 * version of this runtime, as in Python they follow that of the interpreter: the two differ on code points that one of
 * them does not know yet, and on six letters whose case Unicode itself changed (U+0295, U+10FC, U+A7F2–A7F4, U+AB69).
 */

/** Python's `\s` and `str.isspace()`: unlike JavaScript's it has U+001C–U+001F and U+0085, and not U+FEFF. */
export const SPACE = 1;
/** Python's `string.whitespace`, the six ASCII characters. */
export const ASCII_SPACE = 2;
/** Punkt's `sent_end_chars`. */
export const SENTENCE_END = 4;
/** Punkt's `_re_non_word_chars`: they cannot stand within a word. */
export const NON_WORD = 8;
/** What Punkt's `_re_word_start` excludes: they cannot begin a word. */
export const NOT_WORD_START = 16;
/** Quotes and brackets that `re_boundary_realignment` pulls back onto the sentence before. */
export const CLOSING = 32;

/** Every character of each class; ranges are written out because the table is filled from them. */
const MEMBERS: readonly (readonly [flag: number, characters: string])[] = [
  [ASCII_SPACE | SPACE, ' \t\n\r\v\f'],
  [
    SPACE,
    '\u001c\u001d\u001e\u001f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a',
  ],
  [SPACE, '\u2028\u2029\u202f\u205f\u3000'],
  [SENTENCE_END, '.?!'],
  [NON_WORD, ')";}]*:@\'({[\u2018\u2019\u201c\u201d\u00ab\u00bb?!'],
  [NOT_WORD_START, '("`{[:;&#*@)}]-,'],
  [CLOSING, '"\')]}\u2018\u2019\u201c\u201d\u00ab\u00bb'],
];

const FLAGS = new Uint8Array(0x1_0000);
for (const [flag, characters] of MEMBERS) {
  for (let i = 0; i < characters.length; i++) {
    const unit = characters.charCodeAt(i);
    FLAGS[unit] = (FLAGS[unit] ?? 0) | flag;
  }
}

/**
 * Whether the code unit at `index` belongs to a class.
 *
 * @param index - offset in UTF-16 code units; outside the text no class holds
 * @param flag - one of the class constants of this file, or several joined by `|` (any of them)
 */
export function hasClass(text: string, index: number, flag: number): boolean {
  return ((FLAGS[text.charCodeAt(index)] ?? 0) & flag) !== 0;
}

const LETTER = /^[\p{L}\p{N}_]$/u;
const DIGIT = /^\p{Nd}$/u;
const UPPER = /^\p{Uppercase}$/u;
const LOWER = /^\p{Lowercase}$/u;

/** Python's `\d` for one code point: a decimal digit of any script. */
export function isDigit(codePoint: number): boolean {
  if (codePoint < 0x80) return codePoint >= 0x30 && codePoint <= 0x39;
  return DIGIT.test(String.fromCodePoint(codePoint));
}

/** Python's `[^\W\d]` for one code point: a letter, a number that is no decimal digit, or the underscore. */
export function isLetter(codePoint: number): boolean {
  if (isDigit(codePoint)) return false;
  return LETTER.test(String.fromCodePoint(codePoint));
}

/** Python's `str.isupper()` of one code point; titlecase letters are not upper case. */
export function isUpper(codePoint: number): boolean {
  if (codePoint < 0x80) return codePoint >= 0x41 && codePoint <= 0x5a;
  return UPPER.test(String.fromCodePoint(codePoint));
}

/** Python's `str.islower()` of one code point. */
export function isLower(codePoint: number): boolean {
  if (codePoint < 0x80) return codePoint >= 0x61 && codePoint <= 0x7a;
  return LOWER.test(String.fromCodePoint(codePoint));
}
