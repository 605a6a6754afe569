import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunkPrompts } from '../../activities/e-step/prompts.ts';
import { admit, type ExpectedModel } from '../../activities/vllm/admission.ts';
import { VllmClient } from '../../activities/vllm/client.ts';
import { readFingerprint, readModelDescription } from '../../activities/vllm/model-folder.ts';
import { loadTokenizer } from '../../activities/vllm/tokenizer.ts';
import type { VllmError } from '../../activities/vllm/vllm-error.ts';
import { FakeVllmServer } from '../support/fake-vllm-server.ts';
import { prepareTinyModel, python, PYTHON, RealVllm } from '../support/real-vllm.ts';
import { writeToyModel } from '../support/toy-model.ts';

const NAME = 'tiny-i0-0123456789ab';
const limits = { deadlineMs: 120_000 };

/** Greatest difference of a log probability between engines in float32, nats. */
const TOLERANCE = 1e-4;

describe.skipIf(PYTHON === undefined)('vLLM (needs THOUGHTLOOP_PYTHON)', () => {
  let root: string;
  let folder: string;
  let vllm: RealVllm;
  let client: VllmClient;
  let model: ExpectedModel;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'thoughtloop-vllm-'));
    folder = join(root, 'base');
    await mkdir(folder);
    await prepareTinyModel(folder);
    model = {
      description: await readModelDescription(join(folder, 'model')),
      fingerprint: await readFingerprint(join(folder, 'fingerprint.json')),
      tokenizer: await loadTokenizer(join(folder, 'model')),
    };
    vllm = await RealVllm.start(folder, NAME);
    client = new VllmClient({ url: vllm.url, servedName: NAME });
  });

  afterAll(async () => {
    await client.close();
    await vllm.stop();
    await rm(root, { recursive: true });
  });

  /** Log probabilities of all ids but the first of each sequence, by transformers. */
  function reference(sequences: readonly (readonly number[])[]): number[][] {
    const script = fileURLToPath(new URL('../support/transformers_logprobs.py', import.meta.url));
    const input = sequences.map((ids) => JSON.stringify(ids)).join('\n');
    return python([script, join(folder, 'model')], input)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as number[]);
  }

  it('is admitted with its own fingerprint, and refused with another one', async () => {
    expect(await admit(client, model, 120_000)).toEqual({ kind: 'admitted' });
    const logprobs = model.fingerprint.logprobs.map((row) => row.map((value) => value + 0.01));
    const foreign = { ...model, fingerprint: { ...model.fingerprint, logprobs } };
    expect(await admit(client, foreign, 120_000)).toMatchObject({ kind: 'refused', check: 'fingerprint' });
  });

  it('samples and scores with the log probabilities of transformers: log q and log p to 1e-4 a token', async () => {
    const text = {
      context: model.tokenizer.encode('Add up 3 and 4 .'),
      before: [model.tokenizer.encode(' Some raw text \n\n')],
      chunk: model.tokenizer.encode(' It ends in 2 .'),
    };
    const prompts = chunkPrompts('corrected', model.description, text, 100);
    if (prompts.kind !== 'prompts') throw new Error('Expected prompts');
    const stop = model.description.markers.endOfLatent;
    const samples = await client.sample({ prompt: prompts.propose, n: 32, maxTokens: 100, seed: 11, stop }, limits);
    const exactQ = reference(samples.map(({ tokenIds }) => [...prompts.propose, ...tokenIds]));
    for (const [index, { logprobs }] of samples.entries()) {
      const exact = (exactQ[index] ?? []).slice(prompts.propose.length - 1);
      expect(exact).toHaveLength(logprobs.length);
      for (const [i, value] of logprobs.entries()) expect(Math.abs(value - (exact[i] ?? NaN))).toBeLessThan(TOLERANCE);
    }
    // Thoughts that ended by EOL are among them, so that its own log probability is compared too.
    expect(samples.some(({ finish, tokenIds }) => finish === 'stop' && tokenIds.at(-1) === stop)).toBe(true);

    const joint = prompts.score(samples.slice(0, 8).map(({ tokenIds }) => tokenIds.filter((id) => id !== stop)));
    const scores = await client.score(joint, limits);
    const exactP = reference(joint.map(({ ids }) => ids));
    for (const [index, row] of scores.entries()) {
      const exact = (exactP[index] ?? []).slice((joint[index]?.from ?? 0) - 1);
      expect(exact).toHaveLength(row.length);
      for (const [i, value] of row.entries()) expect(Math.abs(value - (exact[i] ?? NaN))).toBeLessThan(TOLERANCE);
    }
  });

  it('gives the same draws for the same seed', async () => {
    const request = {
      prompt: [model.description.beginning, 70, 71],
      n: 4,
      maxTokens: 10,
      seed: 3,
      stop: model.description.markers.endOfLatent,
    };
    const [first, again] = [await client.sample(request, limits), await client.sample(request, limits)];
    expect(again.map(({ tokenIds }) => tokenIds)).toEqual(first.map(({ tokenIds }) => tokenIds));
  });

  it('tells a load that moves with its work', async () => {
    const before = await client.load(limits);
    await client.probe([model.description.beginning], limits);
    const after = await client.load(limits);
    expect(after?.tokens).toBeGreaterThan(before?.tokens ?? Infinity);
  });

  describe('and the fake server that stands for it in tests', () => {
    let fake: FakeVllmServer;

    beforeAll(async () => {
      const toy = join(root, 'toy');
      await writeToyModel(toy, { contextLength: 256 });
      fake = await FakeVllmServer.start({ model: join(toy, 'model'), servedName: NAME });
    });

    afterAll(() => fake.stop());

    async function answers(path: string, body: object): Promise<{ real: Answered; fake: Answered }> {
      return { real: await post(`${vllm.url}${path}`, body), fake: await post(`${fake.url}${path}`, body) };
    }

    const base = { model: NAME, prompt: [0, 7, 8, 9], max_tokens: 4, temperature: 1, return_token_ids: true };
    const answered: [string, string, object][] = [
      ['a sampling request', '/v1/completions', { ...base, n: 3, seed: 1, logprobs: 0, stop_token_ids: [5] }],
      [
        'a scoring request',
        '/v1/completions',
        {
          ...base,
          prompt: [
            [0, 7, 8, 9],
            [0, 10, 11],
          ],
          max_tokens: 1,
          prompt_logprobs: 0,
        },
      ],
      ['a tokenisation', '/tokenize', { model: NAME, prompt: 'ab', add_special_tokens: false }],
    ];
    for (const [what, path, body] of answered) {
      it(`answer ${what} in the same shape`, async () => {
        const { real, fake } = await answers(path, body);
        expect([real.status, fake.status]).toEqual([200, 200]);
        expect(shape(fake.body, real.body)).toEqual([]);
      });
    }

    const refused: [string, object][] = [
      ['an unknown model', { model: 'another' }],
      ['an id out of vocabulary', { prompt: [0, 99_999] }],
      ['a prompt that fills the context', { prompt: Array.from({ length: 256 }, () => 7) }],
      ['an empty prompt', { prompt: [] }],
      ['no token to generate', { max_tokens: 0 }],
    ];
    for (const [what, change] of refused) {
      it(`refuse ${what} with the same status and kind of error`, async () => {
        const { real, fake } = await answers('/v1/completions', { ...base, ...change });
        expect(fake.status).toBe(real.status);
        expect(shape(fake.body, real.body)).toEqual([]);
        expect(fake.body).toMatchObject({ error: { type: (real.body as { error: { type: string } }).error.type } });
      });
    }

    it('shorten an answer in silence that the context cannot hold, which the client therefore refuses to ask for', async () => {
      const prompt = Array.from({ length: 250 }, () => 7);
      const { real, fake } = await answers('/v1/completions', { ...base, prompt, max_tokens: 20, ignore_eos: true });
      for (const { status, body } of [real, fake]) {
        expect(status).toBe(200);
        expect(body).toMatchObject({ choices: [{ finish_reason: 'length', token_ids: { length: 6 } }] });
      }
      await client.models(limits);
      const asked = client.sample({ prompt, n: 1, maxTokens: 20, seed: 1, stop: 5 }, limits);
      await expect(asked).rejects.toMatchObject({ failure: { kind: 'refused' } });
    });

    it('name their models in the same shape', async () => {
      const [real, toy] = await Promise.all(
        [vllm.url, fake.url].map((url) => fetch(`${url}/v1/models`).then((r) => r.json())),
      );
      expect(shape(toy, real)).toEqual([]);
    });

    it('are read by the client alike: refusals have the same typed cause', async () => {
      for (const url of [vllm.url, fake.url]) {
        const other = new VllmClient({ url, servedName: 'another' });
        const failure = await other.probe([0], limits).catch((thrown: unknown) => (thrown as VllmError).failure);
        expect(failure).toEqual({ kind: 'wrong-weights' });
        await other.close();
      }
    });
  });
});

interface Answered {
  readonly status: number;
  readonly body: unknown;
}

async function post(url: string, body: object): Promise<Answered> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

/** Where the fake's answer has a field that the real one lacks, or of another type; null fits anything. */
function shape(fake: unknown, real: unknown, path = ''): string[] {
  if (fake === null || real === null) return [];
  if (Array.isArray(fake)) {
    if (!Array.isArray(real)) return [`${path}: a list, real ${typeof real}`];
    return fake.flatMap((item, index) => (index < real.length ? shape(item, real[index], `${path}[${index}]`) : []));
  }
  if (typeof fake === 'object') {
    if (typeof real !== 'object' || Array.isArray(real)) return [`${path}: an object, real ${typeof real}`];
    const fields = real as Record<string, unknown>;
    return Object.entries(fake).flatMap(([key, value]) =>
      key in fields ? shape(value, fields[key], `${path}.${key}`) : [`${path}.${key}: missing in the real one`],
    );
  }
  return typeof fake === typeof real ? [] : [`${path}: ${typeof fake}, real ${typeof real}`];
}
