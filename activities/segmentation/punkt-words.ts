import { hasClass, NON_WORD, NOT_WORD_START, SPACE } from './character-classes.ts';

const NEWLINE = 0x0a;
const COMMA = 0x2c;
const HYPHEN = 0x2d;
const DOT = 0x2e;

/**
 * End of the Punkt word that begins at `start`, one match of NLTK's `_word_tokenize_fmt` (nltk/tokenize/punkt.py) found by
 * scanning forward instead of by backtracking.
 *
 * Offsets are UTF-16 code units; a surrogate pair is never cut, since no class that ends a word contains a surrogate.
 *
 * @param start - offset of a character that is not whitespace
 * @param end - end of the text that Punkt looks at; nothing behind it is read
 * @returns offset behind the word's last character, > start
 */
export function wordEnd(text: string, start: number, end: number): number {
  const punctuation = multiCharacterEnd(text, start, end);
  if (punctuation > start) return punctuation;
  if (hasClass(text, start, NOT_WORD_START)) return start + 1;
  let at = start + 1;
  while (at < end && !endsWord(text, at, end)) at++;
  return at;
}

/** Whether a word that has begun ends before the character at `at`. */
function endsWord(text: string, at: number, end: number): boolean {
  if (endsWordByItself(text, at, end)) return true;
  // A comma belongs to the word unless the word would end behind it ("1,000" against "one, two").
  return text.charCodeAt(at) === COMMA && (at + 1 >= end || endsWordByItself(text, at + 1, end));
}

function endsWordByItself(text: string, at: number, end: number): boolean {
  return hasClass(text, at, SPACE | NON_WORD) || startsMultiCharacter(text, at, end);
}

function startsMultiCharacter(text: string, at: number, end: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit !== DOT && unit !== HYPHEN) return false;
  if (at + 1 < end && text.charCodeAt(at + 1) === unit) return true;
  return spacedDot(text, at, end) && spacedDot(text, at + 2, end);
}

/** End of `-{2,}`, `.{2,}` or `(. ){2,}.` at `start`, or `start` where none of them begins. */
function multiCharacterEnd(text: string, start: number, end: number): number {
  if (!startsMultiCharacter(text, start, end)) return start;
  const unit = text.charCodeAt(start);
  let at = start + 1;
  if (text.charCodeAt(at) === unit) {
    while (at < end && text.charCodeAt(at) === unit) at++;
    return at;
  }
  at = start;
  while (spacedDot(text, at, end)) at += 2;
  return at + 1;
}

/** Whether a dot, one whitespace character and another dot stand at `at`. Punkt reads line by line, so a newline is no such whitespace. */
function spacedDot(text: string, at: number, end: number): boolean {
  return (
    at + 2 < end &&
    text.charCodeAt(at) === DOT &&
    text.charCodeAt(at + 1) !== NEWLINE &&
    hasClass(text, at + 1, SPACE) &&
    text.charCodeAt(at + 2) === DOT
  );
}
