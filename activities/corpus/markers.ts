/**
 * Texts of the four marker tokens (BoLT lingua/tokenizer.py:22-26). No text of a corpus may hold one: tokenizers would
 * read it as the marker itself.
 */
export const MARKER_TEXTS = [
  '<|START_OF_LATENT|>',
  '<|END_OF_LATENT|>',
  '<|PRIOR_PREFIX|>',
  '<|POSTERIOR_PREFIX|>',
] as const;
