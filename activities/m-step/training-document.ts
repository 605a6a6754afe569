/** A document as the trainer reads it; every list holds token ids, without BOS, EOS and markers. */
export interface TrainingDocument {
  /** Ordinal of the document in its split. */
  readonly id: number;
  readonly context?: readonly number[];
  /** `z` is the thought, `x` the chunk. A chunk that was rejected, or whose teacher gave no thought, has no `z`. */
  readonly chunks: readonly { readonly z?: readonly number[]; readonly x: readonly number[] }[];
}

/** Extent of documents; it adds up. */
export interface TrainingExtent {
  readonly documents: number;
  readonly chunks: number;
  readonly tokens: number;
  readonly rawTokens: number;
}

export const NOTHING: TrainingExtent = { documents: 0, chunks: 0, tokens: 0, rawTokens: 0 };

/** Extent of one document: tokens of context, thoughts and chunks; raw are those that are not a thought's. */
export function extentOf({ context, chunks }: TrainingDocument): TrainingExtent {
  const rawTokens = chunks.reduce((sum, { x }) => sum + x.length, context?.length ?? 0);
  const tokens = chunks.reduce((sum, { z }) => sum + (z?.length ?? 0), rawTokens);
  return { documents: 1, chunks: chunks.length, tokens, rawTokens };
}

export function addExtents(a: TrainingExtent, b: TrainingExtent): TrainingExtent {
  return {
    documents: a.documents + b.documents,
    chunks: a.chunks + b.chunks,
    tokens: a.tokens + b.tokens,
    rawTokens: a.rawTokens + b.rawTokens,
  };
}
