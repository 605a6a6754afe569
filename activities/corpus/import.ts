import { resolve } from 'node:path';
import { NAME_PATTERN, NAME_RULE } from '../../workflows/contract/ids.ts';
import { failure } from '../failure.ts';
import {
  beginSource,
  dropSource,
  findSplit,
  finishSource,
  lockCorpus,
  otherSplitsWith,
  readSources,
  unlockCorpus,
  type CorpusSource,
} from '../store/corpora.ts';
import { writeDocuments } from '../store/documents.ts';
import type { Connection, Database } from '../store/pool.ts';
import { fileDigest, openCorpusFile, readCorpusFile, type CorpusFile } from './corpus-file.ts';
import { parseDocumentLine, type DocumentLine } from './document-line.ts';
import { MAX_LINE_BYTES, readLines } from './lines.ts';

export interface ImportInput {
  /** Path of a file of JSON lines; see {@link parseDocumentLine} for a line. */
  readonly file: string;
  readonly corpus: string;
  readonly split: string;
  /** Bad lines that may be left out; one more and nothing is imported. Default 0. */
  readonly maxBadLines?: number;
  /** Field that holds the text. Default `text`. */
  readonly textField?: string;
  /** Drop an interrupted import of the split, whichever file it was of, instead of going on with it. */
  readonly restart?: boolean;
}

/** A line that is no document, and why. */
export interface BadLine {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/** How far an import is. */
export interface ImportProgress {
  readonly file: string;
  /** Of the file on the disk; while it is first read for its digest, `bytes` stays 0. */
  readonly bytes: number;
  readonly totalBytes: number;
  readonly lines: number;
  readonly documents: number;
  readonly badLines: number;
}

/** What came of an import. `badLines` counts all, `problems` names the first twenty. */
export type ImportResult =
  | {
      readonly kind: 'imported';
      readonly file: string;
      readonly documents: number;
      readonly badLines: number;
      readonly problems: readonly BadLine[];
      /** Lines that an earlier, interrupted import of the file had already brought in. */
      readonly resumedAfter: number;
      /** Other splits of the corpus that hold the same content. */
      readonly elsewhere: readonly string[];
    }
  | { readonly kind: 'already-imported'; readonly file: string; readonly documents: number }
  | {
      readonly kind: 'refused';
      readonly file: string;
      readonly badLines: number;
      readonly problems: readonly BadLine[];
    };

/** Bad lines named in a result. */
export const PROBLEMS_SHOWN = 20;

/** Unpacked bytes of the file and documents a transaction: what a crash loses at most, and what is held in memory. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_DOCUMENTS = 2_000;

/**
 * Imports one file into a split, behind the files that are there.
 *
 * States of a file: (none) → `importing`, its documents durable batch by batch but not visible → `imported`, visible all
 * at once. An import that died in `importing` goes on from its last batch when the same content is imported again. One
 * with too many bad lines leaves nothing. The same content a second time changes nothing.
 *
 * @throws CorpusInvalid when the file cannot be used, changed since its import was interrupted, or the split has another
 *   unfinished import
 */
export async function importFile(
  database: Database,
  input: ImportInput,
  onProgress: (progress: ImportProgress) => void = () => undefined,
): Promise<ImportResult> {
  for (const [what, name] of [
    ['corpus', input.corpus],
    ['split', input.split],
  ] as const) {
    if (!NAME_PATTERN.test(name)) {
      throw failure('CorpusInvalid', `Expected as ${what} ${NAME_RULE}, got \`${name}\``);
    }
  }
  const file = await openCorpusFile(resolve(input.file));
  onProgress({ file: file.path, bytes: 0, totalBytes: file.bytes, lines: 0, documents: 0, badLines: 0 });
  const sha256 = await fileDigest(file.path);

  const connection = await database.connect();
  let broken = true;
  try {
    if (!(await lockCorpus(connection, input.corpus))) {
      throw failure(
        'CorpusInvalid',
        `Expected corpus ${input.corpus} to be free, but another import is writing to it: wait for its end`,
      );
    }
    try {
      const result = await importLocked(connection, input, file, sha256, onProgress);
      broken = false;
      return result;
    } finally {
      // A broken connection has lost its lock already.
      await unlockCorpus(connection, input.corpus).catch(() => undefined);
    }
  } finally {
    connection.release(broken);
  }
}

async function importLocked(
  connection: Connection,
  input: ImportInput,
  file: CorpusFile,
  sha256: string,
  onProgress: (progress: ImportProgress) => void,
): Promise<ImportResult> {
  const digest = sourceDigest(sha256, input.textField);
  const sources = await readSources(connection, input.corpus, input.split);
  const imported = sources.find((source) => source.digest === digest && source.state === 'imported');
  if (imported !== undefined) return { kind: 'already-imported', file: file.path, documents: imported.documents };

  let unfinished = sources.find((source) => source.state === 'importing');
  if (unfinished !== undefined && input.restart === true) {
    await dropSource(connection, unfinished);
    unfinished = undefined;
  }
  if (unfinished !== undefined && unfinished.digest !== digest) throw otherUnfinished(input, unfinished, file.path);
  const source =
    unfinished ??
    (await beginSource(connection, {
      name: input.corpus,
      split: input.split,
      file: file.path,
      digest,
      bytes: file.bytes,
    }));

  const outcome = await writeAll(connection, input, file, source, onProgress).catch(async (error: unknown) => {
    // A file that cannot be unpacked to its end will be written anew: nothing can go on from what is in.
    if ((error as { type?: unknown }).type === 'CorpusInvalid') await dropSource(connection, source);
    throw error;
  });
  if (outcome.digest !== sha256) {
    await dropSource(connection, source);
    throw failure(
      'CorpusInvalid',
      `Expected ${file.path} to stay as it was, but it changed while it was read: import it again`,
    );
  }
  const { badLines, problems, documents } = outcome;
  if (badLines > (input.maxBadLines ?? 0)) {
    await dropSource(connection, source);
    return { kind: 'refused', file: file.path, badLines, problems };
  }
  if (documents === 0) {
    await dropSource(connection, source);
    throw failure(
      'CorpusInvalid',
      `Expected documents in ${file.path}, found none in its ${outcome.lines} lines: check the file`,
    );
  }
  await finishSource(connection, source.source, { documents, badLines });
  const elsewhere = await otherSplitsWith(connection, source);
  return {
    kind: 'imported',
    file: file.path,
    documents,
    badLines,
    problems,
    resumedAfter: source.doneLines,
    elsewhere,
  };
}

/**
 * The file's content read once from start to end; documents that are durable already are parsed but not written again.
 * While one batch is written the next one is parsed; no more than the two are held.
 */
async function writeAll(
  connection: Connection,
  input: ImportInput,
  file: CorpusFile,
  source: CorpusSource,
  onProgress: (progress: ImportProgress) => void,
): Promise<{ digest: string; lines: number; documents: number; badLines: number; problems: BadLine[] }> {
  const { content, state } = readCorpusFile(file);
  const firstOrdinal = (await findSplit(connection, input.corpus, input.split))?.documents ?? 0;
  const maxBadLines = input.maxBadLines ?? 0;
  const problems: BadLine[] = [];
  let [lines, doneBytes, flushedBytes, badLines, written] = [0, 0, 0, 0, source.documents];
  let batch: DocumentLine[] = [];
  let writing: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    await writing;
    const progress = { file: file.path, bytes: state.bytes, totalBytes: file.bytes, lines, badLines };
    if (badLines <= maxBadLines && lines > source.doneLines) {
      const [documents, first] = [batch, written];
      written += documents.length;
      const mark = { doneBytes, doneLines: lines, documents: written, badLines };
      writing = writeDocuments(connection, source, firstOrdinal + first, documents, mark).then(() =>
        onProgress({ ...progress, documents: mark.documents }),
      );
      // It may fail while the next batch is parsed; who waits for it is told.
      writing.catch(() => undefined);
    } else onProgress({ ...progress, documents: written });
    batch = [];
    flushedBytes = doneBytes;
  };

  try {
    for await (const line of readLines(content)) {
      lines = line.number;
      doneBytes = line.end;
      const parsed =
        line.kind === 'line'
          ? parseDocumentLine(line.bytes, input.textField ?? 'text')
          : { kind: 'bad' as const, reason: `longer than ${MAX_LINE_BYTES / 1024 / 1024} MiB` };
      if (parsed.kind === 'bad') {
        badLines += 1;
        if (problems.length < PROBLEMS_SHOWN) problems.push({ file: file.path, line: lines, reason: parsed.reason });
      }
      // Past the limit nothing is written any more, but the rest is read so that all bad lines are counted.
      if (parsed.kind === 'document' && badLines <= maxBadLines && lines > source.doneLines) {
        batch.push(parsed.document);
      }
      if (batch.length >= BATCH_DOCUMENTS || doneBytes - flushedBytes >= BATCH_BYTES) await flush();
    }
    await flush();
  } finally {
    // The connection is free again only then.
    await writing.catch(() => undefined);
  }
  await writing;
  return { digest: state.digest(), lines, documents: written, badLines, problems };
}

/** Another text field of the same file makes other documents, so it is another source. */
function sourceDigest(sha256: string, textField: string | undefined): string {
  return textField === undefined || textField === 'text' ? sha256 : `${sha256}:${textField}`;
}

function otherUnfinished(input: ImportInput, unfinished: CorpusSource, path: string): Error {
  const where = `${input.corpus}/${input.split}`;
  const found =
    unfinished.file === path
      ? `${path} changed since its import was interrupted after line ${unfinished.doneLines} ` +
        `(sha256 then ${unfinished.digest})`
      : `the import of ${unfinished.file} was interrupted after line ${unfinished.doneLines}`;
  return failure(
    'CorpusInvalid',
    `Expected no other unfinished import in ${where}, but ${found}: ` +
      'import that file as it was to finish it, or pass --restart to drop what it left',
  );
}

/**
 * Drops the unfinished imports of a split.
 * @returns the files they were of
 */
export async function dropUnfinished(database: Database, corpus: string, split: string): Promise<string[]> {
  const connection = await database.connect();
  let broken = true;
  try {
    if (!(await lockCorpus(connection, corpus))) {
      throw failure(
        'CorpusInvalid',
        `Expected corpus ${corpus} to be free, but an import is writing to it: wait for its end`,
      );
    }
    try {
      const unfinished = (await readSources(connection, corpus, split)).filter(({ state }) => state === 'importing');
      for (const source of unfinished) await dropSource(connection, source);
      broken = false;
      return unfinished.map(({ file }) => file);
    } finally {
      await unlockCorpus(connection, corpus).catch(() => undefined);
    }
  } finally {
    connection.release(broken);
  }
}
