import { performance } from 'node:perf_hooks';
import { setImmediate as immediate } from 'node:timers/promises';
import type { SegmentationSettings } from '../../workflows/contract/recipe.ts';
import type { DocumentRange } from '../../workflows/contract/references.ts';
import { failure } from '../failure.ts';
import { segment } from '../segmentation/segment.ts';
import { findSplit, type CorpusSplit } from '../store/corpora.ts';
import { countCuts, firstUncut, segmentationKey, writeCuts } from '../store/cuts.ts';
import { readBatches, readDocuments, type StoredDocument } from '../store/documents.ts';
import type { Database } from '../store/pool.ts';
import { MAX_CHUNKS } from './document-line.ts';
import { documentRanges, rangeSize } from './document-ranges.ts';

/**
 * The split that a run reads: what had been imported when the run was created.
 * @throws CorpusInvalid when there is nothing
 */
export async function resolveSplit(
  database: Database,
  corpus: { readonly name: string; readonly split: string },
  run: string,
): Promise<CorpusSplit> {
  const split = await findSplit(database, corpus.name, corpus.split, run);
  if (split !== null) return split;
  const later = await findSplit(database, corpus.name, corpus.split);
  throw failure(
    'CorpusInvalid',
    `Expected documents in split ${corpus.split} of corpus ${corpus.name}, found ` +
      (later === null ? 'none' : `only ones imported after run ${run} was started`) +
      ': see `thoughtloop corpus list`',
  );
}

/**
 * Cuts the documents of a split into chunks and stores the cuts; documents that are cut are not cut again. A document
 * whose file says how it is cut keeps that.
 *
 * @param onProgress called after each batch with the number of the split's first documents that are cut
 * @returns key of the segmentation in the store
 * @throws CorpusInvalid when a document would have more chunks than can be counted
 */
export async function cutSplit(
  database: Database,
  split: CorpusSplit,
  settings: SegmentationSettings,
  onProgress: (documents: number) => void,
): Promise<string> {
  for (const range of await uncutRanges(database, split, settings)) {
    await cutRange(database, split, settings, range, onProgress);
  }
  return segmentationKey(settings);
}

/** The ranges of a split that have documents which are not cut. */
export async function uncutRanges(
  database: Database,
  split: CorpusSplit,
  settings: SegmentationSettings,
): Promise<DocumentRange[]> {
  const cut = await countCuts(database, split, segmentationKey(settings), rangeSize(split.documents));
  return documentRanges(split.documents).filter(({ from, to }, range) => (cut.get(range) ?? 0) < to - from);
}

/** Longest time that cutting keeps a worker's heartbeats, and the shards it samples, from going on, milliseconds. */
const SLICE_MS = 20;

/** Cuts a range of a split as {@link cutSplit} does, from its first document that is not cut. */
export async function cutRange(
  database: Database,
  split: CorpusSplit,
  settings: SegmentationSettings,
  { from, to }: DocumentRange,
  onProgress: (documents: number) => void,
): Promise<void> {
  const key = segmentationKey(settings);
  const rest = { from: await firstUncut(database, split, key, { from, to }), to };
  const read = (first: number, end: number): Promise<StoredDocument[]> => readDocuments(database, split, first, end);
  for await (const { to: end, found } of readBatches(database, split, rest, read)) {
    const cuts: { ordinal: number; ends: readonly number[] }[] = [];
    let since = performance.now();
    for (const document of found) {
      cuts.push({ ordinal: document.ordinal, ends: endsOf(document, split, settings) });
      if (performance.now() - since < SLICE_MS) continue;
      await immediate();
      since = performance.now();
    }
    await writeCuts(database, split, key, cuts);
    onProgress(end);
  }
}

function endsOf(document: StoredDocument, split: CorpusSplit, settings: SegmentationSettings): readonly number[] {
  const ends = document.givenEnds ?? segment(document.text, settings);
  if (ends.length <= MAX_CHUNKS) return ends;
  throw failure(
    'CorpusInvalid',
    `Expected at most ${MAX_CHUNKS} chunks in a document, found ${ends.length} in document ${document.ordinal} of ` +
      `${split.name}/${split.split}: split the document, or raise the segmentation's mean length`,
  );
}
