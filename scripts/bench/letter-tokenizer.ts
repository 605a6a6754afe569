/** Special tokens, their ids from 0 on: BOS, EOS, unknown, and the four markers. */
export const SPECIAL_TOKENS = [
  '<s>',
  '</s>',
  '<unk>',
  '<|START_OF_LATENT|>',
  '<|END_OF_LATENT|>',
  '<|PRIOR_PREFIX|>',
  '<|POSTERIOR_PREFIX|>',
] as const;

/** Content of the `tokenizer_config.json` beside a {@link letterTokenizer}. */
export const TOKENIZER_CONFIG = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  bos_token: '<s>',
  eos_token: '</s>',
} as const;

/**
 * Content of a `tokenizer.json` (Hugging Face) that makes one token of each letter, behind {@link SPECIAL_TOKENS}.
 * @param letters every other character is unknown
 */
export function letterTokenizer(letters: string): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'Split', pattern: { Regex: '' }, behavior: 'Isolated', invert: false },
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries([...SPECIAL_TOKENS, ...letters].map((token, id) => [token, id])),
      merges: [],
      unk_token: '<unk>',
      fuse_unk: false,
      byte_fallback: false,
    },
  };
}
