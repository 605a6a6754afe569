import { paragraphs } from './paragraphs.ts';
import { punktSpans } from './punkt.ts';

/**
 * Cuts a text into sentences as BoLT's `sentence` splitter does (ryoungj/BoLT, apps/main/gen_utils/chunk_gen.py): Punkt
 * within each paragraph, whitespace at the front of the sentence behind it, a paragraph's trailing whitespace at the end of
 * its last sentence.
 *
 * Nothing is lost: where the released splitter drops newlines and carriage returns before a paragraph, they stand at the
 * front of that paragraph's first sentence, and behind the last paragraph at the end of the last sentence. Where it fails, on
 * a paragraph of whitespace only, that paragraph joins the front of the next sentence, or the end of the last one when none
 * follows. A text of whitespace only is one sentence, the empty text none.
 *
 * @returns end offsets of the sentences in UTF-16 code units, ascending, the last equal to the text's length
 */
export function sentenceEnds(text: string): number[] {
  const ends: number[] = [];
  for (const { start, end } of paragraphs(text)) {
    const spans = punktSpans(text.slice(start, end));
    if (spans.length === 0) continue;
    for (const span of spans.slice(0, -1)) ends.push(start + span.end);
    ends.push(end);
  }
  if (text.length > 0) {
    ends.pop();
    ends.push(text.length);
  }
  return ends;
}
