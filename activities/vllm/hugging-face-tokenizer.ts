import * as library from '@huggingface/tokenizers';

/** What is used of `@huggingface/tokenizers`: its own declarations import without extensions, which Node's resolution lacks. */
export interface HuggingFaceTokenizer {
  encode(text: string, options?: { add_special_tokens?: boolean }): { ids: number[] };
  decode(ids: number[], options?: { skip_special_tokens?: boolean; clean_up_tokenization_spaces?: boolean }): string;
}

type Constructor = new (tokenizer: object, config: object) => HuggingFaceTokenizer;

/** Makes a tokenizer from the contents of `tokenizer.json` and `tokenizer_config.json`. */
export const HuggingFaceTokenizer: Constructor = (library as unknown as { Tokenizer: Constructor }).Tokenizer;
