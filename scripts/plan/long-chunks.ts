import { chunkTexts, segment } from '../../activities/segmentation/segment.ts';
import { findSplit } from '../../activities/store/corpora.ts';
import { longStatement, type Database } from '../../activities/store/pool.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import { FRAMING_TOKENS } from '../recipe/contradictions.ts';

/** Chunks that do not fit the context beside a thought. */
export interface LongChunks {
  /** Tokens there are for a chunk. */
  readonly room: number;
  /** Positions of the model as it is served, in tokens. */
  readonly contextLength: number;
  readonly count: number;
  /** The first of them: ordinal of the document, index of the chunk, its length. */
  readonly first: readonly { readonly document: number; readonly chunk: number; readonly characters: number }[];
  /** Whether more documents are long than were looked at. */
  readonly more: boolean;
}

/** Documents that are cut to look for long chunks. */
const CUT_DOCUMENTS = 2_000;

/** Chunks that are named. */
const NAMED_CHUNKS = 5;

/**
 * Looks for chunks of the EM split that are longer than the context leaves beside the longest thought, by their
 * characters. Only documents that are that long themselves are cut.
 *
 * @param contextLength positions of the base model in tokens; undefined where only its preparation tells
 */
export async function longChunks(
  database: Database,
  { corpus, segmentation, eStep, fleet }: Recipe,
  contextLength: number | undefined,
  charactersPerToken: number,
): Promise<LongChunks | null> {
  const positions = Math.min(contextLength ?? Infinity, fleet.maxModelLen ?? Infinity);
  const split = await findSplit(database, corpus.name, corpus.train);
  if (positions === Infinity || split === null) return null;
  const room = positions - FRAMING_TOKENS - eStep.maxThoughtTokens;
  const most = room * charactersPerToken;
  const { rows } = await database.query<{ ordinal: number; text: string; ends: readonly number[] | null }>(
    longStatement(
      // A text has no more characters than bytes, and its bytes are known without unpacking it.
      `select ordinal, text, given_ends as ends from documents
       where corpus = $1 and split = $2 and ordinal < $3 and octet_length(text) > $4 and length(text) > $4
       order by ordinal limit $5`,
      [split.corpus, split.split, split.documents, Math.floor(most), CUT_DOCUMENTS + 1],
    ),
  );
  const long = rows.slice(0, CUT_DOCUMENTS).flatMap(({ ordinal, text, ends }) =>
    chunkTexts(text, ends ?? segment(text, segmentation))
      .map((piece, chunk) => ({ document: ordinal, chunk, characters: piece.length }))
      .filter(({ characters }) => characters > most),
  );
  if (long.length === 0) return null;
  return {
    room,
    contextLength: positions,
    count: long.length,
    first: long.slice(0, NAMED_CHUNKS),
    more: rows.length > CUT_DOCUMENTS,
  };
}

/** One sentence about long chunks: how many, which, what becomes of them, what to do. */
export function describeLongChunks(found: LongChunks, recipe: Recipe, charactersPerToken: number): string {
  const { corpus, eStep, fidelity } = recipe;
  const named = found.first.map(
    ({ document, chunk, characters }) => `document ${document} chunk ${chunk} (${characters} characters)`,
  );
  const rest = found.count - found.first.length;
  return (
    `Expected chunks of at most ${found.room} tokens in split ${corpus.train}, which is what a context of ` +
    `${found.contextLength} leaves beside a thought of ${eStep.maxThoughtTokens}; at ${charactersPerToken} characters a ` +
    `token, found ${found.more ? 'at least ' : ''}${found.count} longer: ${named.join(', ')}` +
    `${rest > 0 ? `, and ${rest} more` : ''}. ` +
    (fidelity === 'released'
      ? 'They are cut, as the released code does'
      : `The E-step rejects them, and parks where more than e-step.max_rejected = ${eStep.maxRejected} of all are rejected`) +
    ': shorten [segmentation], e-step.max_thought_tokens or these documents, or take a model with a longer context'
  );
}
