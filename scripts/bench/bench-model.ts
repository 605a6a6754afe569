import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { letterTokenizer, SPECIAL_TOKENS, TOKENIZER_CONFIG } from './letter-tokenizer.ts';
import { idLogprob } from './server/logprobs.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?-\n';
const MARKERS = { startOfLatent: 3, endOfLatent: 4, priorPrefix: 5, posteriorPrefix: 6 };

/** The files of {@link BENCH_CHECKPOINT} by name. */
function benchFiles(): Map<string, string> {
  const ids = [16, 32].map((length) => Array.from({ length }, (_, at) => (at === 0 ? 0 : 7 + ((at * 5) % 60))));
  const logprobs = ids.map((row) => row.slice(1).map(idLogprob));
  const description = {
    beginning: 0,
    end: 1,
    markers: MARKERS,
    vocabularySize: SPECIAL_TOKENS.length + LETTERS.length,
    contextLength: 4_096,
  };
  const files: [string, unknown][] = [
    ['model/tokenizer.json', letterTokenizer(LETTERS)],
    ['model/tokenizer_config.json', TOKENIZER_CONFIG],
    ['model/thoughtloop.json', description],
    ['fingerprint.json', { ids, logprobs, dtype: 'float32' }],
  ];
  return new Map(files.map(([name, content]) => [name, JSON.stringify(content)]));
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const FILES = benchFiles();
const DIGESTS = Object.fromEntries([...FILES].map(([name, text]) => [name, sha256(text)]));
const DIGEST = sha256(
  Object.keys(DIGESTS)
    .sort()
    .map((name) => `${name} ${DIGESTS[name]}\n`)
    .join(''),
);

/** The checkpoint that the benches sample from: a tokenizer of one token a letter, no weights. */
export const BENCH_CHECKPOINT: CheckpointRef = { key: 'bench/i0', digest: DIGEST, folder: 'bench-model' };

/**
 * Writes {@link BENCH_CHECKPOINT} as a trainer leaves it, its marker included; its fingerprint is the scores of the
 * benches' server.
 *
 * @returns the model folder, for the server
 */
export function writeBenchModel(dataFolder: string): string {
  const folder = join(dataFolder, BENCH_CHECKPOINT.folder);
  const model = join(folder, 'model');
  mkdirSync(model, { recursive: true });
  for (const [file, text] of FILES) writeFileSync(join(folder, file), text);
  const { key, digest } = BENCH_CHECKPOINT;
  writeFileSync(join(folder, 'DONE.json'), JSON.stringify({ key, digest, files: DIGESTS }));
  return model;
}
