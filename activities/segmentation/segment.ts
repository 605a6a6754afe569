import type { SegmentationSettings } from '../../workflows/contract/recipe.ts';
import { chunkLengths, evenChunkLengths } from './chunk-lengths.ts';
import { sentenceEnds } from './sentence-units.ts';

/**
 * Cuts a document into chunks of consecutive sentences, the paper's way; equal cuts for equal text and settings.
 *
 * @returns end offsets of the chunks in UTF-16 code units, ascending, the last equal to the text's length; empty for the
 *   empty text
 * @throws RangeError when the settings contradict each other
 */
export function segment(text: string, settings: SegmentationSettings): number[] {
  if (text === '') return [];
  if (settings.kind === 'whole') return [text.length];
  const sentences = sentenceEnds(text);
  return chunkEnds(sentences, chunkLengths(text, sentences.length, settings));
}

/**
 * Cuts a document into chunks of equal numbers of sentences, as the paper's validation bound does.
 *
 * @param meanSentences - sentences a chunk has at most, ≥ 1
 * @returns as {@link segment}
 * @throws RangeError when `meanSentences` is less than 1
 */
export function segmentEvenly(text: string, meanSentences: number): number[] {
  const sentences = sentenceEnds(text);
  return chunkEnds(sentences, evenChunkLengths(sentences.length, meanSentences));
}

/**
 * The chunks that {@link segment} cut, as texts; they concatenate to the text.
 *
 * @param ends - end offsets as {@link segment} returns them
 */
export function chunkTexts(text: string, ends: readonly number[]): string[] {
  return ends.map((end, index) => text.slice(index === 0 ? 0 : ends[index - 1], end));
}

function chunkEnds(sentences: readonly number[], lengths: readonly number[]): number[] {
  let taken = 0;
  return lengths.map((length) => {
    taken += length;
    return sentences[taken - 1] ?? 0;
  });
}
