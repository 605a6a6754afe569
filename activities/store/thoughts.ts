import type { ChunkOutcome } from '../e-step/chunk-outcome.ts';
import { copyRows, type CopyValue } from './copy.ts';
import type { Connection, Database } from './pool.ts';
import type { ShardClaim } from './shards.ts';

/** A document of a shard with its cuts. */
export interface ShardDocument {
  readonly ordinal: number;
  readonly context: string | null;
  readonly text: string;
  /** End offsets of the chunks, UTF-16 code units. */
  readonly ends: readonly number[];
}

/** Documents read at once: a page of long documents (100 kB) stays at a few megabytes. */
const DOCUMENTS_PER_PAGE = 32;

/**
 * The shard's documents in order, read a page at a time. The page is said of both tables: PostgreSQL carries an equality
 * over a join, not a range, and would read the cuts of the whole corpus for every page.
 */
export async function* shardDocuments(database: Database, claim: ShardClaim): AsyncGenerator<ShardDocument> {
  for (let first = claim.firstDocument; first < claim.lastDocument; first += DOCUMENTS_PER_PAGE) {
    const { rows } = await database.query<ShardDocument>({
      name: 'shard-documents',
      text: `select documents.ordinal, documents.context, documents.text, cuts.ends
        from documents join cuts using (corpus, split, ordinal)
        where corpus = $1 and split = $2 and segmentation = $3
          and documents.ordinal >= $4 and documents.ordinal < $5 and cuts.ordinal >= $4 and cuts.ordinal < $5
        order by ordinal`,
      values: [
        claim.corpus,
        claim.split,
        claim.segmentation,
        first,
        Math.min(first + DOCUMENTS_PER_PAGE, claim.lastDocument),
      ],
    });
    yield* rows;
  }
}

/** The chunks of a shard that need nothing more: document → indices. */
export async function durableChunks(database: Database, claim: ShardClaim): Promise<Map<number, Set<number>>> {
  const { rows } = await database.query<{ document: number; chunks: number[] }>(
    `select document, array_agg(chunk::int) as chunks from chunk_results
     where e_step = $1 and document >= $2 and document < $3 group by document`,
    [claim.eStep, claim.firstDocument, claim.lastDocument],
  );
  return new Map(rows.map(({ document, chunks }) => [document, new Set(chunks)]));
}

const CHUNK_COLUMNS = [
  'e_step',
  'document',
  'chunk',
  'selected',
  'rejection',
  'rounds',
  'prefix_chunks',
  'ess',
  'elbo',
  'scored_tokens',
  'server',
] as const;

const THOUGHT_COLUMNS = [
  'e_step',
  'document',
  'chunk',
  'candidate',
  'token_ids',
  'text',
  'log_q',
  'log_p',
  'finish',
  'selected',
] as const;

/**
 * Writes chunks with all their candidates; within a transaction, so that a chunk is there whole or not at all.
 * @throws the database's error, e.g. for a chunk that is already there
 */
export async function writeChunks(
  connection: Connection,
  eStep: number,
  outcomes: readonly ChunkOutcome[],
): Promise<void> {
  await copyRows(connection, 'chunk_results', CHUNK_COLUMNS, chunkRows(eStep, outcomes));
  await copyRows(connection, 'thoughts', THOUGHT_COLUMNS, thoughtRows(eStep, outcomes));
}

function* chunkRows(eStep: number, outcomes: readonly ChunkOutcome[]): Generator<CopyValue[]> {
  for (const outcome of outcomes) {
    const { document, chunk, rounds, prefixChunks, server } = outcome;
    yield outcome.kind === 'selected'
      ? [
          ...[eStep, document, chunk, outcome.selected, null, rounds, prefixChunks],
          ...[outcome.effectiveSampleSize, outcome.elbo, outcome.scoredTokens, server],
        ]
      : [eStep, document, chunk, null, outcome.rejection, rounds, prefixChunks, null, null, 0, server];
  }
}

function* thoughtRows(eStep: number, outcomes: readonly ChunkOutcome[]): Generator<CopyValue[]> {
  for (const outcome of outcomes) {
    if (outcome.kind === 'rejected') continue;
    for (const [index, { tokenIds, text, logQ, logP, finish }] of outcome.candidates.entries()) {
      // PostgreSQL's text holds no NUL; the ids are the truth, the text is for people.
      const readable = text.replaceAll('\u0000', '\uFFFD');
      const selected = index === outcome.selected;
      yield [eStep, outcome.document, outcome.chunk, index, tokenIds, readable, logQ, logP, finish, selected];
    }
  }
}
