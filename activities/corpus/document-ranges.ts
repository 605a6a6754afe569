import type { DocumentRange } from '../../workflows/contract/references.ts';

/**
 * Ranges at most: as many workers as can help, each range an activity of the same workflow. Documents of a range at least:
 * some seconds of work, beside which an activity's tens of milliseconds do not count.
 */
const MAX_RANGES = 64;
const MIN_DOCUMENTS = 4_000;

/** Documents a range of a split of so many. */
export const rangeSize = (documents: number): number => Math.max(MIN_DOCUMENTS, Math.ceil(documents / MAX_RANGES));

/**
 * The ranges in which a split is cut and exported, in order. They depend on its number of documents alone: equal splits have
 * equal ranges, whoever does them and when.
 */
export function documentRanges(documents: number): DocumentRange[] {
  const size = rangeSize(documents);
  return Array.from({ length: Math.ceil(documents / size) }, (_, index) => ({
    from: index * size,
    to: Math.min((index + 1) * size, documents),
  }));
}
