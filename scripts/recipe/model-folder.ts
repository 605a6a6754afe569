import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** What of a model folder's `config.json` is read here. */
const config = z.object({ model_type: z.string(), max_position_embeddings: z.number().optional() });

/** Files of which a tokenizer needs one. */
const TOKENIZERS = ['tokenizer.json', 'tokenizer.model', 'vocab.json'];

/** Names of weights that transformers reads. */
const WEIGHTS = /\.(safetensors|bin)$/;

/** What stands in the place of a large file in a Git clone without Git LFS. */
const LFS_POINTER = 'version https://git-lfs';

/** What a look at a model folder shows: its positions in tokens, where it says so, or what it lacks. */
export type ModelFolder =
  | { readonly kind: 'model'; readonly contextLength: number | undefined }
  | { readonly kind: 'refused'; readonly problem: string };

/**
 * Looks whether a folder holds a model in Hugging Face's layout: `config.json`, a tokenizer, weights. Loads nothing:
 * whether transformers can read it shows when it is prepared.
 */
export async function lookAtModelFolder(folder: string): Promise<ModelFolder> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => error);
  if (names instanceof Error) {
    const found = { ENOENT: 'nothing there', ENOTDIR: 'a file' }[names.code ?? ''] ?? names.message;
    return refused(folder, found, 'mend the path, or put the model there');
  }
  if (!names.includes('config.json')) return refused(folder, 'no config.json', 'mend the path');
  const parsed = config.safeParse(await readJson(join(folder, 'config.json')));
  if (!parsed.success) {
    return refused(folder, 'a config.json that is no JSON with a model_type', 'download or save the model again');
  }
  if (!TOKENIZERS.some((name) => names.includes(name))) {
    return refused(folder, `no tokenizer (${TOKENIZERS.join(', ')})`, 'save the tokenizer into the same folder');
  }
  const weights = names.filter((name) => WEIGHTS.test(name));
  if (weights.length === 0) {
    return refused(folder, 'no weights (*.safetensors, *.bin)', 'download or save the model again');
  }
  for (const name of weights) {
    const file = join(folder, name);
    if ((await stat(file)).size === 0) return refused(folder, `an empty ${name}`, 'download or save the model again');
    if (await startsWith(file, LFS_POINTER)) {
      return refused(folder, `a pointer of Git LFS in the place of ${name}`, 'run `git lfs pull` in it');
    }
  }
  return { kind: 'model', contextLength: parsed.data.max_position_embeddings };
}

function refused(folder: string, found: string, remedy: string): ModelFolder {
  return {
    kind: 'refused',
    problem: `Expected a model folder with config.json, tokenizer and weights, found ${found} (${folder}): ${remedy}`,
  };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}

async function startsWith(file: string, text: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(text.length), 0, text.length, 0);
    return buffer.toString('latin1') === text;
  } finally {
    await handle.close();
  }
}
