import type { TrainingSettings } from '../../workflows/contract/recipe.ts';
import type { TrainingSetRef } from '../../workflows/contract/references.ts';

/** A training's length as the trainer takes it: optimizer steps, or tokens trained on (padding not counted). */
export type TrainingLength = { readonly steps: number } | { readonly tokens: number };

/** BOS and EOS. */
const FRAME_TOKENS = 2;

/** Markers that a form adds to a chunk: `SOL PRI z EOL x`, `SOL EOL x SOL POST z EOL`, or either by a fair coin. */
const MARKERS = { prior: 3, posterior: 5, random: 4 } as const;

/**
 * The length that a recipe's budget means for a training set.
 *
 * A pass shows every example once. One example a row: exactly so many steps, the last one rounded up. Packed: so many
 * tokens, framing (BOS, EOS and markers, of the coin their mean) included; in layout `chunk` the prefixes that are shown
 * again are counted as if all documents had the mean number of chunks of the mean length.
 */
export function trainingLength(
  { budget, batch, layout, packing, form }: TrainingSettings,
  set: TrainingSetRef,
  prefixChunks: number,
): TrainingLength {
  if ('steps' in budget) return { steps: budget.steps };
  if ('tokens' in budget) return { tokens: budget.tokens };
  // Without thoughts a document is one example in both layouts.
  const raw = set.tokens === set.rawTokens;
  const examples = raw || layout === 'document' ? set.documents : set.chunks;
  if (!packing) return { steps: Math.max(1, Math.ceil((budget.passes * examples) / batch)) };
  const markers = raw ? 0 : MARKERS[form] * set.chunks;
  const prefixes = raw || layout === 'document' ? 0 : prefixTokens(set, prefixChunks);
  return { tokens: Math.ceil(budget.passes * (set.tokens + markers + FRAME_TOKENS * examples + prefixes)) };
}

/** Tokens of the prefixes of all chunks of a set, every document taken for the mean one. */
function prefixTokens({ documents, chunks, rawTokens }: TrainingSetRef, prefixChunks: number): number {
  const chunksOfDocument = Math.max(1, Math.round(chunks / documents));
  let shown = 0;
  for (let chunk = 0; chunk < chunksOfDocument; chunk++) shown += Math.min(chunk, prefixChunks);
  return (shown / chunksOfDocument) * rawTokens;
}
