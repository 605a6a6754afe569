import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HuggingFaceTokenizer } from '../../activities/vllm/hugging-face-tokenizer.ts';
import { readTensor } from '../support/safetensors.ts';
import { NO_PYTHON, PREPARE, readJson, runOn, tinyBase, type ModelFacts } from '../support/trainer-programs.ts';

const MARKERS = ['<|START_OF_LATENT|>', '<|END_OF_LATENT|>', '<|PRIOR_PREFIX|>', '<|POSTERIOR_PREFIX|>'];

describe.skipIf(NO_PYTHON)('a base model (set THOUGHTLOOP_PYTHON to run)', () => {
  let folder: string;
  const hidden = 1024;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'thoughtloop-base-'));
    // One layer as narrow as can be behind wide embeddings: the rows of the markers are what is measured.
    const spec = tinyBase(folder);
    const source = { ...(spec['source'] as object), hidden, intermediate: 8, tieEmbeddings: false };
    const { code, errors } = await runOn(PREPARE, { ...spec, source }, folder);
    expect(code, errors).toBe(0);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const model = (...path: string[]): string => join(folder, 'base', 'model', ...path);

  test.each(['model.embed_tokens.weight', 'lm_head.weight'])(
    'marker rows of %s ~ N(0, d^-0.5), clamped at 3 sd',
    (name) => {
      const { markers } = readJson<ModelFacts>(model('thoughtloop.json'));
      const { values, shape } = readTensor(model('model.safetensors'), name);
      expect(shape[1]).toBe(hidden);
      const deviation = hidden ** -0.5;
      const rows = Object.values(markers).flatMap((id) => [...values.subarray(id * hidden, (id + 1) * hidden)]);
      const mean = rows.reduce((sum, value) => sum + value, 0) / rows.length;
      const found = Math.sqrt(rows.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows.length);
      // 4,096 draws: standard errors of mean and deviation are 1/64 and 1/90 of the deviation.
      expect(Math.abs(mean)).toBeLessThan(deviation / 16);
      expect(Math.abs(found / deviation - 1)).toBeLessThan(0.05);
      expect(Math.max(...rows.map(Math.abs))).toBeLessThanOrEqual(3 * deviation * (1 + 1e-6));
      expect(new Set(rows).size).toBeGreaterThan(4000);
    },
  );

  test('markers are single tokens, and any text comes back from its ids', () => {
    const facts = readJson<ModelFacts>(model('thoughtloop.json'));
    const tokenizer = new HuggingFaceTokenizer(
      readJson(model('tokenizer.json')),
      readJson(model('tokenizer_config.json')),
    );
    const encode = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
    expect(MARKERS.map(encode)).toEqual(Object.values(facts.markers).map((id) => [id]));
    expect([encode('<s>'), encode('</s>')]).toEqual([[facts.beginning], [facts.end]]);
    for (const text of ['Add up 3 6 2 5 .', ' Grüße, 世界 \n\n\t🙂'])
      expect(tokenizer.decode(encode(text), { skip_special_tokens: false })).toBe(text);
    expect(encode(' Then 2 4 2').length).toBeLessThan(' Then 2 4 2'.length);
    expect(facts.vocabularySize).toBeLessThanOrEqual(280);
  });

  test('the same spec gives the same files; another seed gives other weights with the same tokenizer', async () => {
    const digests: Record<string, string>[] = [];
    for (const [name, seed] of [['a', 3] as const, ['b', 3] as const, ['c', 4] as const]) {
      const { code, errors } = await runOn(PREPARE, { ...tinyBase(folder), output: join(folder, name), seed }, folder);
      expect(code, errors).toBe(0);
      digests.push(readJson<{ files: Record<string, string> }>(folder, name, 'DONE.json').files);
    }
    const [a, b, c] = digests;
    expect(a).toEqual(b);
    expect(c?.['model/tokenizer.json']).toBe(a?.['model/tokenizer.json']);
    expect(c?.['model/model.safetensors']).not.toBe(a?.['model/model.safetensors']);
  });

  test('a folder that is prepared again keeps its markers and its weights', async () => {
    const output = join(folder, 'again');
    const source = { kind: 'folder', path: model() };
    const { code, errors } = await runOn(
      PREPARE,
      { kind: 'prepare', key: 'test/again', output, seed: 9, source },
      folder,
    );
    expect(code, errors).toBe(0);
    expect(readJson(output, 'model', 'thoughtloop.json')).toEqual(readJson(model('thoughtloop.json')));
    expect(readJson(output, 'fingerprint.json')).toEqual(readJson(folder, 'base', 'fingerprint.json'));
  });

  test('a folder that is no model is refused, with the reason beside the output', async () => {
    const path = join(folder, 'no-model');
    mkdirSync(path);
    writeFileSync(join(path, 'README.md'), 'nothing here');
    const output = join(folder, 'refused');
    const spec = { kind: 'prepare', key: 'test/refused', output, seed: 1, source: { kind: 'folder', path } };
    const { code, errors } = await runOn(PREPARE, spec, folder);
    expect(code).toBe(2);
    const { key, reason } = readJson<{ key: string; reason: string }>(output, 'FAILED.json');
    expect(key).toBe('test/refused');
    expect(reason).toContain(`found no config.json in ${path}`);
    expect(errors).toContain(reason);
    expect(existsSync(join(output, 'DONE.json'))).toBe(false);

    writeFileSync(join(path, 'config.json'), '{"model_type": "llama"}');
    expect((await runOn(PREPARE, spec, folder)).code).toBe(2);
    expect(readFileSync(join(output, 'FAILED.json'), 'utf8')).toMatch(/that transformers can read/);
  });
});
