import type { PromptModel, ScoredSequence } from '../e-step/prompts.ts';

/**
 * Sequences whose scores add up to log p(X | context) of a document in the raw form `BOS context X_1 X_2 …`. The score is
 * over the document's text alone: neither BOS nor context is in it, and no end of document.
 *
 * One sequence where the whole fits. Otherwise one a chunk, behind as much of what stands before it as fits: whole
 * earlier chunks are left out, oldest first, then the context, as in the E-step. One position stays free for the token
 * that a scoring request generates.
 *
 * @param chunks the document's chunks as ids, in order
 * @returns null when a chunk does not fit even alone
 */
export function rawSequences(
  model: Pick<PromptModel, 'beginning' | 'contextLength'>,
  context: readonly number[],
  chunks: readonly (readonly number[])[],
): readonly ScoredSequence[] | null {
  const limit = model.contextLength - 1;
  const text = chunks.flat();
  if (text.length === 0) return [];
  const whole = [model.beginning, ...context, ...text];
  if (whole.length <= limit) return [{ ids: whole, from: 1 + context.length }];

  const sequences: ScoredSequence[] = [];
  for (const [index, chunk] of chunks.entries()) {
    if (chunk.length === 0) continue;
    if (1 + chunk.length > limit) return null;
    let room = limit - 1 - chunk.length;
    let first = index;
    for (; first > 0; first -= 1) {
      const length = chunks[first - 1]?.length ?? 0;
      if (length > room) break;
      room -= length;
    }
    const shown = first === 0 && context.length <= room ? context : [];
    const prefix = [model.beginning, ...shown, ...chunks.slice(first, index).flat()];
    sequences.push({ ids: [...prefix, ...chunk], from: prefix.length });
  }
  return sequences;
}
