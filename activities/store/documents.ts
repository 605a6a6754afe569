import type { DocumentRange } from '../../workflows/contract/references.ts';
import type { DocumentLine } from '../corpus/document-line.ts';
import { copyRows } from './copy.ts';
import type { CorpusSource, CorpusSplit } from './corpora.ts';
import { longStatement, type Connection, type Queryable } from './pool.ts';

/** A document as it is stored. */
export interface StoredDocument extends DocumentLine {
  readonly ordinal: number;
}

const DOCUMENT_COLUMNS = `d.ordinal, d.context, d.text, d.given_ends as "givenEnds", d.given_thoughts as "givenThoughts"`;

/** Where an import stands after a batch. */
export interface ImportMark {
  readonly doneBytes: number;
  readonly doneLines: number;
  readonly documents: number;
  readonly badLines: number;
}

/**
 * Writes a batch of documents behind each other and the mark behind them in one transaction: after a crash the mark says
 * exactly which lines are in.
 */
export async function writeDocuments(
  connection: Connection,
  source: CorpusSource,
  firstOrdinal: number,
  documents: readonly DocumentLine[],
  mark: ImportMark,
): Promise<void> {
  await connection.query('begin');
  try {
    await copyRows(
      connection,
      'documents',
      ['corpus', 'split', 'ordinal', 'source', 'context', 'text', 'given_ends', 'given_thoughts'],
      documents.map((document, index) => [
        source.corpus,
        source.split,
        firstOrdinal + index,
        source.source,
        document.context,
        document.text,
        document.givenEnds,
        document.givenThoughts,
      ]),
    );
    await connection.query(
      'update corpus_sources set done_bytes = $2, done_lines = $3, documents = $4, bad_lines = $5 where source = $1',
      [source.source, mark.doneBytes, mark.doneLines, mark.documents, mark.badLines],
    );
    await connection.query('commit');
  } catch (error) {
    await connection.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** Bytes of text read at once, and documents at most: what a reader holds, whatever the size of the split. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_DOCUMENTS = 1_000;

/**
 * The last ordinal (exclusive) of a batch that starts at `first`: as many documents as make up 4 MB, at least one
 * and at most `maxDocuments`.
 */
export async function batchEnd(
  database: Queryable,
  { corpus, split, documents }: CorpusSplit,
  first: number,
  maxDocuments = BATCH_DOCUMENTS,
): Promise<number> {
  const { rows } = await database.query<{ end: number | null }>(
    `select max(ordinal) + 1 as end from (
       select ordinal, sum(octet_length(text) + coalesce(octet_length(context), 0)) over (order by ordinal) as bytes
       from documents where corpus = $1 and split = $2 and ordinal >= $3 and ordinal < $4
     ) sized where bytes <= $5 or ordinal = $3`,
    [corpus, split, first, Math.min(documents, first + maxDocuments), BATCH_BYTES],
  );
  const end = rows[0]?.end ?? null;
  if (end === null) throw new Error(`Expected document ${first} of ${documents} in split ${split}, found none`);
  return end;
}

/** A batch of what stands one after another in a split; `to` is exclusive. */
export interface Batch<Found> extends DocumentRange {
  readonly found: Found;
}

/**
 * Reads a range of a split in batches of {@link batchEnd}, in order. While one is worked on the next one is read, so that
 * database and reader do not wait for each other; no more than the two are held.
 */
export async function* readBatches<Found>(
  database: Queryable,
  split: CorpusSplit,
  { from, to }: DocumentRange,
  read: (from: number, to: number) => Promise<Found>,
  maxDocuments = BATCH_DOCUMENTS,
): AsyncGenerator<Batch<Found>> {
  const begin = async (first: number): Promise<Batch<Found>> => {
    const end = await batchEnd(database, { ...split, documents: to }, first, maxDocuments);
    return { from: first, to: end, found: await read(first, end) };
  };
  for (let next = from < to ? begin(from) : null; next !== null;) {
    const batch = await next;
    next = batch.to < to ? begin(batch.to) : null;
    // It may fail while nobody waits for it yet, or ever.
    next?.catch(() => undefined);
    yield batch;
  }
}

/** Documents with ordinals from `first` up to `end` (exclusive), in order. */
export async function readDocuments(
  database: Queryable,
  { corpus, split, documents }: CorpusSplit,
  first: number,
  end: number,
): Promise<StoredDocument[]> {
  const { rows } = await database.query<StoredDocument>(
    `select ${DOCUMENT_COLUMNS} from documents d
     where d.corpus = $1 and d.split = $2 and d.ordinal >= $3 and d.ordinal < $4 order by d.ordinal`,
    [corpus, split, first, Math.min(end, documents)],
  );
  return rows;
}

/** Size of a split's text. */
export interface SplitSize {
  /** Characters (code points) and bytes (UTF-8) of context and text. */
  readonly characters: number;
  readonly bytes: number;
  readonly longestBytes: number;
  readonly withContext: number;
  readonly withThoughts: number;
}

/** Bytes (UTF-8) of a split's contexts and texts; their sizes are stored, so that no text is unpacked for it. */
export async function splitBytes(database: Queryable, { corpus, split, documents }: CorpusSplit): Promise<number> {
  const { rows } = await database.query<{ bytes: number }>(
    longStatement(
      `select coalesce(sum(octet_length(text) + coalesce(octet_length(context), 0)), 0)::bigint as bytes
       from documents where corpus = $1 and split = $2 and ordinal < $3`,
      [corpus, split, documents],
    ),
  );
  return rows[0]?.bytes ?? 0;
}

/** Adds up a split's text; reads and unpacks all of it. */
export async function measureSplit(database: Queryable, { corpus, split, documents }: CorpusSplit): Promise<SplitSize> {
  const { rows } = await database.query<SplitSize>(
    longStatement(
      `select coalesce(sum(length(text) + coalesce(length(context), 0)), 0)::bigint as characters,
       coalesce(sum(octet_length(text) + coalesce(octet_length(context), 0)), 0)::bigint as bytes,
       coalesce(max(octet_length(text)), 0) as "longestBytes",
       count(context) as "withContext",
       count(*) filter (where exists (select from unnest(given_thoughts) thought where thought <> '')) as "withThoughts"
     from documents where corpus = $1 and split = $2 and ordinal < $3`,
      [corpus, split, documents],
    ),
  );
  const [size] = rows;
  if (size === undefined) throw new Error(`Expected one row of sums over split ${split}, got none`);
  return size;
}

/** Whether a document of the split came with a thought. */
export async function hasThoughts(database: Queryable, { corpus, split, documents }: CorpusSplit): Promise<boolean> {
  const { rows } = await database.query<{ found: boolean }>(
    longStatement(
      `select exists (
       select from documents, unnest(given_thoughts) as thought
       where corpus = $1 and split = $2 and ordinal < $3 and thought <> ''
     ) as found`,
      [corpus, split, documents],
    ),
  );
  return rows[0]?.found === true;
}
