import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { letterTokenizer, SPECIAL_TOKENS, TOKENIZER_CONFIG } from '../../scripts/bench/letter-tokenizer.ts';
import { ToyLanguageModel, uniforms, type ToySettings } from './toy-language-model.ts';

/** Ids of the toy model's special tokens. */
export const TOY = {
  beginning: 0,
  end: 1,
  unknown: 2,
  markers: { startOfLatent: 3, endOfLatent: 4, priorPrefix: 5, posteriorPrefix: 6 },
} as const;

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
  const vocabularySize = SPECIAL_TOKENS.length + letters.length;
  const settings: ToySettings = { vocabularySize, seed, favoured: TOY.markers.endOfLatent, favour };
  const language = new ToyLanguageModel(settings);
  const { beginning, end, markers } = TOY;
  const ids = [16, 24, 32].map((length) => {
    const draw = uniforms(`fingerprint/${length}`);
    return [beginning, ...Array.from({ length: length - 1 }, () => Math.floor(draw() * vocabularySize))];
  });
  const files: [string, unknown][] = [
    ['model/tokenizer.json', letterTokenizer(letters)],
    ['model/tokenizer_config.json', TOKENIZER_CONFIG],
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
