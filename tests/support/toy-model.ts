import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ToyLanguageModel, uniforms, type ToySettings } from './toy-language-model.ts';

/** Ids of the toy model's special tokens. */
export const TOY = {
  beginning: 0,
  end: 1,
  unknown: 2,
  markers: { startOfLatent: 3, endOfLatent: 4, priorPrefix: 5, posteriorPrefix: 6 },
} as const;

const SPECIAL = [
  '<s>',
  '</s>',
  '<unk>',
  '<|START_OF_LATENT|>',
  '<|END_OF_LATENT|>',
  '<|PRIOR_PREFIX|>',
  '<|POSTERIOR_PREFIX|>',
];

export interface ToyModelOptions {
  /** Another seed is another model. */
  readonly seed?: number;
  /** One token a letter; every other character is unknown. */
  readonly letters?: string;
  readonly contextLength?: number;
  /** Raises the probability of EOL; 0 = like any other token. */
  readonly favour?: number;
}

/**
 * Writes a model as a trainer leaves it: `<folder>/model` with tokenizer and `thoughtloop.json`, and
 * `<folder>/fingerprint.json`. Its weights are `<folder>/model/toy.json`, which the fake server reads.
 */
export async function writeToyModel(folder: string, options: ToyModelOptions = {}): Promise<ToyLanguageModel> {
  const { seed = 1, letters = 'abcd ', contextLength = 64, favour = 1.5 } = options;
  const model = join(folder, 'model');
  await mkdir(model, { recursive: true });
  const vocabulary = Object.fromEntries([...SPECIAL, ...letters].map((token, id) => [token, id]));
  const vocabularySize = SPECIAL.length + letters.length;
  const settings: ToySettings = { vocabularySize, seed, favoured: TOY.markers.endOfLatent, favour };
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({
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
    model: { type: 'BPE', vocab: vocabulary, merges: [], unk_token: '<unk>', fuse_unk: false, byte_fallback: false },
  };
  const language = new ToyLanguageModel(settings);
  const { beginning, end, markers } = TOY;
  const ids = [16, 24, 32].map((length) => {
    const draw = uniforms(`fingerprint/${length}`);
    return [beginning, ...Array.from({ length: length - 1 }, () => Math.floor(draw() * vocabularySize))];
  });
  const files: [string, unknown][] = [
    ['model/tokenizer.json', tokenizer],
    [
      'model/tokenizer_config.json',
      { tokenizer_class: 'PreTrainedTokenizerFast', bos_token: '<s>', eos_token: '</s>' },
    ],
    ['model/thoughtloop.json', { beginning, end, markers, vocabularySize, contextLength, parameters: 0 }],
    ['model/toy.json', settings],
    ['fingerprint.json', { ids, logprobs: ids.map((row) => language.score(row, 1)), dtype: 'float32' }],
  ];
  for (const [file, content] of files) await writeFile(join(folder, file), JSON.stringify(content));
  return language;
}

/** Reads the weights of a toy model folder. */
export async function readToyModel(model: string): Promise<ToyLanguageModel> {
  return new ToyLanguageModel(JSON.parse(await readFile(join(model, 'toy.json'), 'utf8')) as ToySettings);
}
