import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HuggingFaceTokenizer } from './hugging-face-tokenizer.ts';

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
   * Ids of plain text: no special tokens added, and none recognised. `</s>` or a marker in a text is encoded letter by
   * letter like any other text.
   * @throws SpecialTokenInTextError when the vocabulary has no other way to write such a text than the token itself
   */
  encode(text: string): number[];
  /** Text of ids, for people; special tokens are written out. */
  decode(ids: readonly number[]): string;
}

/** Plain text that would be read as a special token. */
export class SpecialTokenInTextError extends Error {
  override readonly name = 'SpecialTokenInTextError';
  readonly id: number;

  constructor(id: number, token: string) {
    super(`Expected plain text, found what encodes to the special token ${id} (${token}): take it out of the corpus`);
    this.id = id;
  }
}

/**
 * Loads `tokenizer.json` of a model folder.
 * @throws when the files are missing or of a kind the tokenizer library does not know
 */
export async function loadTokenizer(folder: string): Promise<TextTokenizer> {
  const read = async (file: string): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(folder, file), 'utf8')) as Record<string, unknown>;
  const [model, config] = await Promise.all([read('tokenizer.json'), read('tokenizer_config.json')]);
  const whole = new HuggingFaceTokenizer(model, config);
  // Added tokens are cut out of a text before it is encoded; a tokenizer that has no special ones sees letters.
  const plain = new HuggingFaceTokenizer(
    { ...model, added_tokens: listed(model['added_tokens']).filter((token) => !token.special) },
    config,
  );
  // The unknown token stands for letters that the vocabulary lacks; that is no special reading of a text.
  const { unk_token: unknown, unk_id: unknownId } = (model['model'] ?? {}) as { unk_token?: unknown; unk_id?: unknown };
  const special = new Map(
    listed(model['added_tokens'])
      .filter((token) => token.special && token.content !== unknown && token.id !== unknownId)
      .map((token) => [token.id, token.content]),
  );
  return {
    encode(text) {
      if (text === '') return [];
      const { ids } = plain.encode(text, { add_special_tokens: false });
      for (const id of ids) {
        const token = special.get(id);
        if (token !== undefined) throw new SpecialTokenInTextError(id, token);
      }
      return ids;
    },
    decode(ids) {
      if (ids.length === 0) return '';
      return whole.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
  };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

function listed(tokens: unknown): AddedToken[] {
  return Array.isArray(tokens) ? (tokens as AddedToken[]) : [];
}
