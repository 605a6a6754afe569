import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lookAtModelFolder } from '../../scripts/recipe/model-folder.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-model-folder-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const WHOLE = {
  'config.json': '{"model_type": "llama", "max_position_embeddings": 64}',
  'tokenizer.json': '{}',
  'model.safetensors': 'weights',
};

function put(files: Readonly<Record<string, string | undefined>>): string {
  for (const [name, content] of Object.entries(files)) {
    if (content !== undefined) writeFileSync(join(folder, name), content);
  }
  return folder;
}

test('a folder with config, tokenizer and weights is a model, and tells its context', async () => {
  expect(await lookAtModelFolder(put(WHOLE))).toEqual({ kind: 'model', contextLength: 64 });
});

test.each<[string, Readonly<Record<string, string | undefined>>, string]>([
  ['no config.json', { 'config.json': undefined }, 'no config.json'],
  ['a config.json that is no JSON', { 'config.json': '{' }, 'no JSON with a model_type'],
  ['a config.json of something else', { 'config.json': '[]' }, 'no JSON with a model_type'],
  ['no tokenizer', { 'tokenizer.json': undefined }, 'no tokenizer'],
  ['no weights', { 'model.safetensors': undefined }, 'no weights'],
  ['empty weights', { 'model.safetensors': '' }, 'an empty model.safetensors'],
  ['a pointer of Git LFS', { 'model.safetensors': 'version https://git-lfs.github.com/spec/v1\n' }, 'git lfs pull'],
])('a folder with %s is refused', async (_, change, found) => {
  const looked = await lookAtModelFolder(put({ ...WHOLE, ...change }));
  expect(looked).toMatchObject({ kind: 'refused', problem: expect.stringContaining(found) as string });
  expect(looked).toMatchObject({ problem: expect.stringContaining(folder) as string });
});

test('what is not there and what is a file are refused', async () => {
  expect(await lookAtModelFolder(join(folder, 'none'))).toMatchObject({
    problem: expect.stringContaining('found nothing there') as string,
  });
  put({ file: 'x' });
  expect(await lookAtModelFolder(join(folder, 'file'))).toMatchObject({
    problem: expect.stringContaining('found a file') as string,
  });
});
