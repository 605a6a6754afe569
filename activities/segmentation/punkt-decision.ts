import { hasClass, isDigit, isLetter, isLower, isUpper, SENTENCE_END, SPACE } from './character-classes.ts';
import { wordEnd } from './punkt-words.ts';

const DOT = 0x2e;

/** Punkt's `PUNCTUATION`: a sentence does not begin with one of these words. */
const NEVER_FIRST = ';:,.!?';

/**
 * Whether the text between two offsets holds a sentence break with a word behind it: NLTK's `text_contains_sentbreak` of a
 * tokenizer without training.
 *
 * Without training Punkt knows no abbreviations, collocations, frequent sentence starters or orthographic contexts. Of its
 * two passes there remains: a word breaks when it is `.`, `?` or `!`, or ends in exactly one dot; an initial or a number
 * with a dot does not break before a lower-case word or a punctuation mark, and an initial neither before an upper-case word.
 *
 * @param start - offset in UTF-16 code units
 * @param end - offset behind the last code unit that is read
 */
export function containsBreak(text: string, start: number, end: number): boolean {
  let previousStart = -1;
  let previousEnd = -1;
  let at = start;
  while (at < end) {
    if (hasClass(text, at, SPACE)) {
      at++;
      continue;
    }
    const wordStop = wordEnd(text, at, end);
    if (previousStart >= 0 && breaksBetween(text, previousStart, previousEnd, at, wordStop)) return true;
    previousStart = at;
    previousEnd = wordStop;
    at = wordStop;
  }
  return false;
}

function breaksBetween(text: string, start: number, end: number, nextStart: number, nextEnd: number): boolean {
  const dotted = text.charCodeAt(end - 1) === DOT;
  if (!dotted) return end - start === 1 && hasClass(text, start, SENTENCE_END);
  if (end - start === 1) return true;
  if (text.charCodeAt(end - 2) === DOT) return false;

  const initial = isInitial(text, start, end);
  if (!initial && !isNumber(text, start, end)) return true;
  if (nextEnd - nextStart === 1 && NEVER_FIRST.includes(text.charAt(nextStart))) return false;
  const first = text.codePointAt(nextStart) ?? 0;
  return !isLower(first) && !(initial && isUpper(first));
}

/** Punkt's `_RE_INITIAL` on a word that ends in a dot: one letter and the dot. */
function isInitial(text: string, start: number, end: number): boolean {
  const first = text.codePointAt(start) ?? 0;
  return end - start === (first > 0xffff ? 3 : 2) && isLetter(first);
}

/**
 * Punkt's `_RE_NUMERIC`, `^-?[\.,]?\d[\d,\.-]*\.?$`, on a word that ends in a dot. No word of Punkt's begins with a hyphen
 * or a comma and goes on, so only the dot may stand before the first digit.
 */
function isNumber(text: string, start: number, end: number): boolean {
  let at = text.charCodeAt(start) === DOT ? start + 1 : start;
  let digitSeen = false;
  while (at < end) {
    const codePoint = text.codePointAt(at) ?? 0;
    if (isDigit(codePoint)) digitSeen = true;
    else if (!digitSeen || !',.-'.includes(text.charAt(at))) return false;
    at += codePoint > 0xffff ? 2 : 1;
  }
  return digitSeen;
}
