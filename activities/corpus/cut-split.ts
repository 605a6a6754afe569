import type { SegmentationSettings } from '../../workflows/contract/recipe.ts';
import { failure } from '../failure.ts';
import { segment } from '../segmentation/segment.ts';
import { findSplit, type CorpusSplit } from '../store/corpora.ts';
import { cutDocuments, segmentationKey, writeCuts } from '../store/cuts.ts';
import { batchEnd, readDocuments, type StoredDocument } from '../store/documents.ts';
import type { Database } from '../store/pool.ts';
import { MAX_CHUNKS } from './document-line.ts';

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
 * @param onProgress called after each batch with the number of documents that are cut
 * @returns key of the segmentation in the store
 * @throws CorpusInvalid when a document would have more chunks than can be counted
 */
export async function cutSplit(
  database: Database,
  split: CorpusSplit,
  settings: SegmentationSettings,
  onProgress: (documents: number) => void,
): Promise<string> {
  const key = segmentationKey(settings);
  for (let first = await cutDocuments(database, split, key); first < split.documents;) {
    const end = await batchEnd(database, split, first);
    const documents = await readDocuments(database, split, first, end);
    const cuts = documents.map((document) => ({ ordinal: document.ordinal, ends: endsOf(document, split, settings) }));
    await writeCuts(database, split, key, cuts);
    first = end;
    onProgress(first);
  }
  return key;
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
