import { segment } from '../../activities/segmentation/segment.ts';
import { findSplit, type CorpusSplit } from '../../activities/store/corpora.ts';
import { splitBytes } from '../../activities/store/documents.ts';
import type { Database } from '../../activities/store/pool.ts';
import type { SegmentationSettings } from '../../workflows/contract/recipe.ts';

/** How much text a split has. Of means that are taken from a part of the documents, `measured` says how many. */
export interface SplitMeasure {
  readonly split: string;
  readonly documents: number;
  readonly bytes: number;
  /** Characters a document: of its context, and of its text. */
  readonly contextCharacters: number;
  readonly textCharacters: number;
  readonly chunksPerDocument: number;
  /** Characters of a given thought; null where the split has none. */
  readonly thoughtCharacters: number | null;
  readonly measured: number;
}

/** Documents that are cut for an estimate. */
const MEASURED_DOCUMENTS = 2_000;

/** Measures a split, or null when it is not there. Whole sums are the database's; cuts are taken from a part. */
export async function measure(
  database: Database,
  corpus: string,
  split: string,
  segmentation: SegmentationSettings,
): Promise<SplitMeasure | null> {
  const found = await findSplit(database, corpus, split);
  if (found === null || found.documents === 0) return null;
  const bytes = await splitBytes(database, found);
  const documents = await someDocuments(database, found);
  let [chunks, context, text, thoughts, thoughtCharacters] = [0, 0, 0, 0, 0];
  for (const document of documents) {
    chunks += document.given_ends?.length ?? segment(document.text, segmentation).length;
    context += document.context?.length ?? 0;
    text += document.text.length;
    for (const thought of document.given_thoughts ?? []) {
      if (thought === '') continue;
      thoughts += 1;
      thoughtCharacters += thought.length;
    }
  }
  const n = documents.length;
  return {
    split,
    documents: found.documents,
    bytes,
    contextCharacters: context / n,
    textCharacters: text / n,
    chunksPerDocument: chunks / n,
    thoughtCharacters: thoughts === 0 ? null : thoughtCharacters / thoughts,
    measured: n,
  };
}

interface MeasuredDocument {
  readonly context: string | null;
  readonly text: string;
  readonly given_ends: readonly number[] | null;
  readonly given_thoughts: readonly string[] | null;
}

/** Documents from all over the split, at equal distances: files are often sorted. */
async function someDocuments(
  database: Database,
  { corpus, split, documents }: CorpusSplit,
): Promise<MeasuredDocument[]> {
  const step = Math.max(1, Math.floor(documents / MEASURED_DOCUMENTS));
  const { rows } = await database.query<MeasuredDocument>(
    `select d.context, d.text, d.given_ends, d.given_thoughts
       from generate_series(0, $3::int - 1, $4::int) as place join documents d on d.corpus = $1 and d.split = $2 and d.ordinal = place
      limit ${MEASURED_DOCUMENTS}`,
    [corpus, split, documents, step],
  );
  return rows;
}
