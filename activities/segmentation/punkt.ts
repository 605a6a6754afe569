import { ASCII_SPACE, CLOSING, hasClass, NON_WORD, SENTENCE_END, SPACE } from './character-classes.ts';
import { containsBreak } from './punkt-decision.ts';

/** A sentence: offsets in UTF-16 code units, `end` exclusive. */
export interface SentenceSpan {
  readonly start: number;
  readonly end: number;
}

/** A character that may end a sentence, with what follows it. */
interface Candidate {
  /** offset of the `.`, `?` or `!` */
  readonly at: number;
  /** offset behind the punctuation mark, or behind the whitespace and the word, that follows */
  readonly contextEnd: number;
  /** where the next sentence would begin */
  readonly nextStart: number;
}

/** A candidate together with the start of the word it ends. */
interface Context {
  readonly candidate: Candidate;
  readonly start: number;
}

/**
 * Sentences of a text as NLTK 3.10's untrained `PunktSentenceTokenizer().span_tokenize` finds them (Kiss and Strunk 2006;
 * nltk/tokenize/punkt.py), in linear time.
 *
 * @returns spans in ascending order, without the whitespace between them; leading whitespace of the text belongs to the
 *   first span, trailing whitespace to none; empty for a text of whitespace only
 */
export function punktSpans(text: string): SentenceSpan[] {
  return [...realigned(text, slices(text))];
}

/** Every `.`, `?` or `!` before a mark that cannot stand within a word, or before whitespace and a word (`period_context_re`). */
function* candidates(text: string): Generator<Candidate> {
  for (let at = 0; at < text.length; at++) {
    if (!hasClass(text, at, SENTENCE_END)) continue;
    const next = at + 1;
    if (hasClass(text, next, NON_WORD)) {
      yield { at, contextEnd: next + 1, nextStart: next };
    } else if (hasClass(text, next, SPACE)) {
      const nextStart = spaceEnd(text, next, text.length);
      if (nextStart === text.length) return;
      let contextEnd = nextStart + 1;
      while (contextEnd < text.length && !hasClass(text, contextEnd, SPACE)) contextEnd++;
      yield { at, contextEnd, nextStart };
    }
  }
}

/**
 * Candidates with the word before them; of several in one word only the last (`_match_potential_end_contexts`). The word
 * begins behind the last ASCII whitespace, and whitespace that opens the text counts as none: NLTK's own convention.
 */
function* contexts(text: string): Generator<Context> {
  let pending: Context | undefined;
  for (const candidate of candidates(text)) {
    const floor = pending?.candidate.at ?? 0;
    let space = candidate.at - 1;
    while (space > floor && !hasClass(text, space, ASCII_SPACE)) space--;
    const start = space > floor ? space + 1 : (pending?.start ?? 0);
    if (pending !== undefined && pending.candidate.at <= start) yield pending;
    pending = { candidate, start };
  }
  if (pending !== undefined) yield pending;
}

/** Sentences before closing quotes and brackets are put right (`_slices_from_text`). */
function* slices(text: string): Generator<SentenceSpan> {
  let start = 0;
  for (const { candidate, start: wordStart } of contexts(text)) {
    if (!containsBreak(text, wordStart, candidate.contextEnd)) continue;
    yield { start, end: candidate.at + 1 };
    start = candidate.nextStart;
  }
  let end = text.length;
  while (end > 0 && hasClass(text, end - 1, SPACE)) end--;
  yield { start, end };
}

/** Moves quotes and brackets that open a sentence, and close the one before, to that one (`_realign_boundaries`). */
function* realigned(text: string, sentences: Iterable<SentenceSpan>): Generator<SentenceSpan> {
  let current: SentenceSpan | undefined;
  for (const next of sentences) {
    if (current === undefined) {
      current = next;
      continue;
    }
    const closing = closingRun(text, next);
    if (closing === undefined) {
      if (current.end > current.start) yield current;
      current = next;
    } else {
      yield { start: current.start, end: closing.end };
      current = { start: closing.nextStart, end: next.end };
    }
  }
  if (current !== undefined && current.end > current.start) yield current;
}

/** The quotes and brackets that open a sentence, when whitespace, `--` or the sentence's end follows them (`re_boundary_realignment`). */
function closingRun(text: string, { start, end }: SentenceSpan): { end: number; nextStart: number } | undefined {
  let at = start;
  while (at < end && hasClass(text, at, CLOSING)) at++;
  if (at === start) return undefined;
  const nextStart = spaceEnd(text, at, end);
  const followed = at === end || nextStart > at || (at + 2 <= end && text.startsWith('--', at));
  return followed ? { end: at, nextStart } : undefined;
}

/** End of the whitespace that begins at `start`, at most `end`. */
function spaceEnd(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && hasClass(text, at, SPACE)) at++;
  return at;
}
