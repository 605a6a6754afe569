import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';

/** Texts of the four markers (BoLT, lingua/tokenizer.py). */
export const MARKER_TEXTS = {
  startOfLatent: '<|START_OF_LATENT|>',
  endOfLatent: '<|END_OF_LATENT|>',
  priorPrefix: '<|PRIOR_PREFIX|>',
  posteriorPrefix: '<|POSTERIOR_PREFIX|>',
} as const;

/**
 * A model's tokenizer. Each piece of a document (context, chunk) is encoded by itself and the ids are spliced, so that a
 * chunk has the same ids wherever it stands.
 */
export interface TextTokenizer {
  /**
   * Ids of plain text, no special tokens added.
   * @throws MarkerInTextError when the text holds the text of a special token: it would be read as the token itself
   */
  encode(text: string): number[];
  /** Text of ids, for people; special tokens are written out. */
  decode(ids: readonly number[]): string;
}

/** Text that holds the text of a special token. Such documents are refused at import. */
export class MarkerInTextError extends Error {
  override readonly name = 'MarkerInTextError';
  readonly token: string;

  constructor(token: string) {
    super(`Expected text without special tokens, found ${token}: take it out of the corpus`);
    this.token = token;
  }
}

/**
 * Loads `tokenizer.json` of a model folder.
 * @throws when the files are missing or of a kind the tokenizer library does not know
 */
export async function loadTokenizer(folder: string): Promise<TextTokenizer> {
  const [model, config] = await Promise.all(
    ['tokenizer.json', 'tokenizer_config.json'].map(async (file) => {
      return JSON.parse(await readFile(join(folder, file), 'utf8')) as object;
    }),
  );
  const tokenizer = new Tokenizer(model ?? {}, config ?? {});
  const special = [...tokenizer.get_added_tokens_decoder().values()].map((token) => token.content);
  return {
    encode(text) {
      const found = special.find((token) => text.includes(token));
      if (found !== undefined) throw new MarkerInTextError(found);
      return tokenizer.encode(text, { add_special_tokens: false }).ids;
    },
    decode(ids) {
      if (ids.length === 0) return '';
      return tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
  };
}
