import { firstOfLineage } from './lineage.ts';
import { longStatement, type Connection, type Queryable } from './pool.ts';

/** One imported file of a split, or an import of one that was interrupted. */
export interface CorpusSource {
  readonly source: number;
  readonly corpus: number;
  readonly split: string;
  readonly file: string;
  /** Identity of the content: sha256 of the file, with the text field behind it where another than `text` was read. */
  readonly digest: string;
  /** Size of the file on the disk. */
  readonly bytes: number;
  readonly state: 'importing' | 'imported';
  /** Uncompressed bytes and lines whose documents are durable. */
  readonly doneBytes: number;
  readonly doneLines: number;
  readonly documents: number;
  readonly badLines: number;
}

/** A split as it can be used: only the documents of files imported whole. */
export interface CorpusSplit {
  readonly corpus: number;
  readonly name: string;
  readonly split: string;
  /** Their ordinals are 0 … documents − 1. */
  readonly documents: number;
}

const SOURCE_COLUMNS = `source, corpus, split, file, digest, bytes, state, done_bytes as "doneBytes",
  done_lines as "doneLines", documents, bad_lines as "badLines"`;

/** How long an import waits for another one of the same corpus, milliseconds: a killed one's connection closes sooner. */
const LOCK_WAIT_MS = 10_000;

/**
 * Takes the right to import into a corpus, held by this connection until it is unlocked or closed: of two imports of one
 * corpus the second would mix up ordinals.
 *
 * @returns false when another import holds it for longer than ten seconds
 */
export async function lockCorpus(connection: Connection, name: string): Promise<boolean> {
  await connection.query(`set lock_timeout = ${LOCK_WAIT_MS}`);
  try {
    await connection.query(`select pg_advisory_lock(hashtext('thoughtloop corpus import'), hashtext($1))`, [name]);
    return true;
  } catch (error) {
    // 55P03: lock_not_available.
    if ((error as { code?: string }).code === '55P03') return false;
    throw error;
  } finally {
    await connection.query('reset lock_timeout');
  }
}

/** Gives back what {@link lockCorpus} took. */
export async function unlockCorpus(connection: Connection, name: string): Promise<void> {
  await connection.query(`select pg_advisory_unlock(hashtext('thoughtloop corpus import'), hashtext($1))`, [name]);
}

/** Files of a split, imported or interrupted, in the order in which they were begun. */
export async function readSources(database: Queryable, name: string, split: string): Promise<CorpusSource[]> {
  const { rows } = await database.query<CorpusSource>(
    `select ${SOURCE_COLUMNS} from corpus_sources
     where corpus = (select corpus from corpora where name = $1) and split = $2 order by source`,
    [name, split],
  );
  return rows;
}

/** Other splits of a corpus that have a file of this content. */
export async function otherSplitsWith(
  database: Queryable,
  source: Pick<CorpusSource, 'corpus' | 'split' | 'digest'>,
): Promise<string[]> {
  const { rows } = await database.query<{ split: string }>(
    `select distinct split from corpus_sources
     where corpus = $1 and split <> $2 and digest = $3 and state = 'imported' order by split`,
    [source.corpus, source.split, source.digest],
  );
  return rows.map(({ split }) => split);
}

/** Begins the import of a file; the corpus comes into being with its first file. */
export async function beginSource(
  database: Queryable,
  input: {
    readonly name: string;
    readonly split: string;
    readonly file: string;
    readonly digest: string;
    readonly bytes: number;
  },
): Promise<CorpusSource> {
  const { rows } = await database.query<CorpusSource>(
    `with named as (
       insert into corpora (name) values ($1) on conflict (name) do update set name = excluded.name returning corpus
     )
     insert into corpus_sources (corpus, split, file, digest, bytes, state)
     select corpus, $2, $3, $4, $5, 'importing' from named returning ${SOURCE_COLUMNS}`,
    [input.name, input.split, input.file, input.digest, input.bytes],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`Expected a row for ${input.file} in corpus_sources, got none`);
  return row;
}

/** Makes a file's documents visible. */
export async function finishSource(
  database: Queryable,
  source: number,
  counts: { readonly documents: number; readonly badLines: number },
): Promise<void> {
  await database.query(
    `update corpus_sources set state = 'imported', documents = $2, bad_lines = $3, imported_at = now() where source = $1`,
    [source, counts.documents, counts.badLines],
  );
}

/** Takes an unfinished import back with all its documents, and the corpus with it when nothing else is in it. */
export async function dropSource(connection: Connection, source: CorpusSource): Promise<void> {
  // One transaction: a mark without its documents would make a later import leave them out.
  await connection.query('begin');
  try {
    await deleteSource(connection, source);
    await connection.query('commit');
  } catch (error) {
    await connection.query('rollback').catch(() => undefined);
    throw error;
  }
}

async function deleteSource(database: Queryable, source: CorpusSource): Promise<void> {
  // Unfinished documents stand behind all imported ones, so the primary key finds them.
  await database.query(
    longStatement(
      `delete from documents where source = $1 and corpus = $2 and split = $3 and ordinal >= (
         select coalesce(sum(documents), 0) from corpus_sources where corpus = $2 and split = $3 and state = 'imported')`,
      [source.source, source.corpus, source.split],
    ),
  );
  await database.query(`delete from corpus_sources where source = $1 and state = 'importing'`, [source.source]);
  await database.query(
    `delete from corpora where corpus = $1 and not exists (select from corpus_sources where corpus = $1)`,
    [source.corpus],
  );
}

/**
 * The visible part of a split, or null when there is no such corpus or split.
 * @param run where given, only files imported before the run was created count: a corpus that grows under way must not
 *   change a run's data from one iteration to the next. A fork reads what the run reads at which its lineage began.
 */
export async function findSplit(
  database: Queryable,
  name: string,
  split: string,
  run?: string,
): Promise<CorpusSplit | null> {
  const { rows } = await database.query<CorpusSplit>(
    `select c.corpus, c.name, s.split, sum(s.documents)::bigint as documents
     from corpora c join corpus_sources s using (corpus)
     where c.name = $1 and s.split = $2 and s.state = 'imported'
       and ($3::text is null or s.imported_at <= (select created_at from runs where run = ${firstOfLineage('$3')}))
     group by c.corpus, c.name, s.split`,
    [name, split, run ?? null],
  );
  return rows[0] ?? null;
}

/** One line of the list of corpora. */
export interface SplitSummary {
  readonly name: string;
  readonly split: string;
  readonly documents: number;
  /** Files imported whole, and their size on the disk. */
  readonly files: number;
  readonly bytes: number;
  /** Bad lines that were left out. */
  readonly badLines: number;
  /** Files whose import was interrupted, or is under way. */
  readonly unfinished: readonly string[];
}

/** All splits of all corpora, or of one. */
export async function listSplits(database: Queryable, name?: string): Promise<SplitSummary[]> {
  const { rows } = await database.query<SplitSummary>(
    `select c.name, s.split,
       coalesce(sum(s.documents) filter (where s.state = 'imported'), 0)::bigint as documents,
       count(*) filter (where s.state = 'imported') as files,
       coalesce(sum(s.bytes) filter (where s.state = 'imported'), 0)::bigint as bytes,
       coalesce(sum(s.bad_lines) filter (where s.state = 'imported'), 0)::bigint as "badLines",
       coalesce(array_agg(s.file order by s.source) filter (where s.state = 'importing'), '{}') as unfinished
     from corpora c join corpus_sources s using (corpus)
     where $1::text is null or c.name = $1
     group by c.name, s.split order by c.name, s.split`,
    [name ?? null],
  );
  return rows;
}
