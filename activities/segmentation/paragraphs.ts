import { hasClass, SPACE } from './character-classes.ts';

/** A paragraph with its trailing whitespace: offsets in UTF-16 code units, `end` exclusive. */
export interface Paragraph {
  readonly start: number;
  readonly end: number;
}

/**
 * Paragraphs as BoLT's `paragraph_splitter` finds them (ryoungj/BoLT, apps/main/gen_utils/chunk_gen.py): the matches of
 * `[^\n\r].*?(?:\n\s*\n|\s*$)` with `.` for every character, in linear time.
 *
 * A paragraph ends behind the last newline of the first blank line, or with the text. Newlines and carriage returns before
 * a paragraph belong to none; any other whitespace there begins one, so that a paragraph may be whitespace only.
 */
export function* paragraphs(text: string): Generator<Paragraph> {
  let at = 0;
  while (at < text.length) {
    if (isLineBreak(text, at)) {
      at++;
      continue;
    }
    const end = paragraphEnd(text, at);
    yield { start: at, end };
    at = end;
  }
}

function isLineBreak(text: string, index: number): boolean {
  const character = text.charAt(index);
  return character === '\n' || character === '\r';
}

function paragraphEnd(text: string, start: number): number {
  // The first character is never part of the ending, even when it is whitespace.
  let at = start + 1;
  while (at < text.length) {
    if (!hasClass(text, at, SPACE)) {
      at++;
      continue;
    }
    const runStart = at;
    let newlines = 0;
    let afterLastNewline = at;
    for (; at < text.length && hasClass(text, at, SPACE); at++) {
      if (text.charAt(at) !== '\n') continue;
      newlines++;
      afterLastNewline = at + 1;
    }
    // At the end of the text the whole run is the ending, unless a blank line begins with the run's first character.
    if (at === text.length && text.charAt(runStart) !== '\n') return at;
    if (newlines > 1) return afterLastNewline;
  }
  return text.length;
}
