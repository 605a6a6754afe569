import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { VllmClient } from '../../activities/vllm/client.ts';
import { VllmError, type VllmFailure } from '../../activities/vllm/vllm-error.ts';
import { FakeVllmServer, type Fault } from '../support/fake-vllm-server.ts';
import { TOY, writeToyModel } from '../support/toy-model.ts';
import type { ToyLanguageModel } from '../support/toy-language-model.ts';

const EOL = TOY.markers.endOfLatent;
const PROMPT = [TOY.beginning, 7, 8, TOY.markers.startOfLatent, TOY.markers.posteriorPrefix];
const sampleRequest = { prompt: PROMPT, n: 4, maxTokens: 8, seed: 5, stop: EOL };
const limits = { deadlineMs: 10_000 };

let folder: string;
let language: ToyLanguageModel;
let fake: FakeVllmServer;
let client: VllmClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-client-'));
  language = await writeToyModel(folder);
  fake = await FakeVllmServer.start({ model: join(folder, 'model'), servedName: 'toy' });
  client = new VllmClient({ url: `${fake.url}/v1/`, servedName: 'toy' });
});

afterAll(async () => {
  await client.close();
  await fake.stop();
  await rm(folder, { recursive: true });
});

afterEach(() => {
  fake.fail(null);
});

async function failureOf(work: Promise<unknown>): Promise<VllmFailure> {
  const thrown = await work.then(
    () => new Error('Expected a failure, got an answer'),
    (error: unknown) => error,
  );
  if (!(thrown instanceof VllmError)) throw thrown as Error;
  return thrown.failure;
}

describe('sampling', () => {
  it('returns K sequences with the exact log probability of every id', async () => {
    const answers = await client.sample(sampleRequest, limits);
    expect(answers).toHaveLength(4);
    for (const { tokenIds, logprobs, finish } of answers) {
      const exact = language.score([...PROMPT, ...tokenIds], PROMPT.length);
      expect(logprobs).toEqual(exact.map((value) => expect.closeTo(value, 9) as number));
      const last = tokenIds.at(-1);
      expect(finish).toBe(last === EOL ? 'stop' : last === TOY.end ? 'end' : 'length');
      if (finish === 'length') expect(tokenIds).toHaveLength(8);
    }
  });

  it('gives the same draws for the same seed, and others for another', async () => {
    const [first, again, other] = await Promise.all(
      [5, 5, 6000].map((seed) => client.sample({ ...sampleRequest, n: 8, seed }, limits)),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('sends every field that could bend the distribution, each neutral', async () => {
    await client.sample(sampleRequest, limits);
    expect(fake.bodies.at(-1)).toEqual({
      model: 'toy',
      prompt: PROMPT,
      n: 4,
      max_tokens: 8,
      seed: 5,
      stop_token_ids: [EOL],
      logprobs: 0,
      temperature: 1,
      top_p: 1,
      top_k: 0,
      min_p: 0,
      min_tokens: 0,
      presence_penalty: 0,
      frequency_penalty: 0,
      repetition_penalty: 1,
      ignore_eos: false,
      return_token_ids: true,
      skip_special_tokens: false,
      spaces_between_special_tokens: false,
      add_special_tokens: false,
      echo: false,
      stream: false,
    });
  });
});

describe('scoring', () => {
  it('returns the log probabilities from the position asked for, several sequences in one request', async () => {
    const sequences = [
      { ids: [...PROMPT, 9, EOL, 10], from: PROMPT.length },
      { ids: [0, 7, 8, 9], from: 1 },
    ];
    const before = fake.counts.score;
    const scores = await client.score(sequences, limits);
    expect(fake.counts.score).toBe(before + 1);
    const exact = sequences.map(({ ids, from }) => language.score(ids, from));
    expect(scores).toEqual(exact.map((row) => row.map((value) => expect.closeTo(value, 9) as number)));
  });

  it('of the first token is refused before it is sent: it has no log probability', async () => {
    await expect(client.score([{ ids: [0, 7], from: 0 }], limits)).rejects.toThrow(RangeError);
    await expect(client.score([{ ids: [0, 7], from: 2 }], limits)).rejects.toThrow(RangeError);
  });
});

describe('an answer that is not the answer', () => {
  const cases: [Fault['kind'], 'both' | 'sample' | 'score', string][] = [
    ['nan', 'both', 'shape'],
    ['null-logprob', 'both', 'not-finite'],
    ['positive', 'both', 'positive'],
    ['few-logprobs', 'both', 'length'],
    ['other-ids', 'both', 'ids'],
    ['other-prompt-ids', 'both', 'prompt-ids'],
    ['no-token-ids', 'both', 'prompt-ids'],
    ['other-model', 'both', 'model'],
    ['fewer-choices', 'both', 'count'],
    ['first-not-null', 'score', 'first-not-null'],
    ['other-finish', 'sample', 'finish'],
    ['not-json', 'both', 'shape'],
  ];
  for (const [kind, which, what] of cases) {
    if (which !== 'score') {
      it(`${kind} is garbage when sampling`, async () => {
        fake.fail({ kind });
        expect(await failureOf(client.sample(sampleRequest, limits))).toEqual({ kind: 'garbage', what });
      });
    }
    if (which !== 'sample') {
      it(`${kind} is garbage when scoring`, async () => {
        fake.fail({ kind });
        const sequences = [{ ids: [0, 7, 8, 9], from: 2 }];
        expect(await failureOf(client.score(sequences, limits))).toEqual({ kind: 'garbage', what });
      });
    }
  }
});

describe('a status says what to do', () => {
  const cases: [number, VllmFailure][] = [
    [400, { kind: 'refused', status: 400 }],
    [422, { kind: 'refused', status: 422 }],
    [401, { kind: 'unauthorised', status: 401 }],
    [404, { kind: 'wrong-weights' }],
    [408, { kind: 'busy', status: 408, retryAfterMs: null }],
    [429, { kind: 'busy', status: 429, retryAfterMs: null }],
    [503, { kind: 'busy', status: 503, retryAfterMs: null }],
    [500, { kind: 'lost', status: 500 }],
    [502, { kind: 'lost', status: 502 }],
  ];
  for (const [status, failure] of cases) {
    it(`${status} means ${failure.kind}, and the request is sent once`, async () => {
      fake.fail({ kind: 'status', status });
      const before = fake.counts.sample;
      expect(await failureOf(client.sample(sampleRequest, limits))).toEqual(failure);
      expect(fake.counts.sample).toBe(before + 1);
    });
  }

  it('a busy server says when to come again', async () => {
    fake.fail({ kind: 'status', status: 503, retryAfterSeconds: 2 });
    expect(await failureOf(client.sample(sampleRequest, limits))).toEqual({
      kind: 'busy',
      status: 503,
      retryAfterMs: 2000,
    });
  });

  it('a real refusal: id out of vocabulary, prompt too long, unknown model', async () => {
    const refused = { kind: 'refused', status: 400 };
    expect(await failureOf(client.sample({ ...sampleRequest, prompt: [0, 999] }, limits))).toEqual(refused);
    const long = Array.from({ length: 64 }, () => 7);
    expect(await failureOf(client.sample({ ...sampleRequest, prompt: long }, limits))).toEqual(refused);
    const other = new VllmClient({ url: fake.url, servedName: 'other' });
    expect(await failureOf(other.probe([0], limits))).toEqual({ kind: 'wrong-weights' });
    await other.close();
  });
});

describe('an answer that the context cannot hold', () => {
  const prompt = Array.from({ length: 60 }, () => 7);

  it('is garbage when the server cut it short', async () => {
    const fresh = new VllmClient({ url: fake.url, servedName: 'toy' });
    const asked = fresh.sample({ ...sampleRequest, prompt, n: 16 }, limits);
    expect(await failureOf(asked)).toEqual({ kind: 'garbage', what: 'length' });
    await fresh.close();
  });

  it('is not asked for once the server has said how much it holds', async () => {
    const fresh = new VllmClient({ url: fake.url, servedName: 'toy' });
    await fresh.models(limits);
    const before = fake.counts.sample;
    expect(await failureOf(fresh.sample({ ...sampleRequest, prompt }, limits))).toEqual({
      kind: 'refused',
      status: 400,
    });
    expect(fake.counts.sample).toBe(before);
    await fresh.close();
  });
});

describe('a server that does not answer', () => {
  it('is lost when nothing listens', async () => {
    const held = createServer();
    await new Promise<void>((resolve) => held.listen(0, '127.0.0.1', resolve));
    const { port } = held.address() as { port: number };
    await new Promise((resolve) => held.close(resolve));
    const gone = new VllmClient({ url: `http://127.0.0.1:${port}`, servedName: 'toy' });
    expect(await failureOf(gone.probe([0], limits))).toEqual({ kind: 'lost', status: null });
    await gone.close();
  });

  it('is lost when it resets the connection, or cuts the answer off', async () => {
    fake.fail({ kind: 'reset' });
    expect(await failureOf(client.sample(sampleRequest, limits))).toEqual({ kind: 'lost', status: null });
    fake.fail({ kind: 'cut-body' });
    expect(await failureOf(client.sample(sampleRequest, limits))).toEqual({ kind: 'lost', status: null });
  });

  it('meets our own deadline', async () => {
    fake.fail({ kind: 'hang' });
    expect(await failureOf(client.sample(sampleRequest, { deadlineMs: 50 }))).toEqual({ kind: 'deadline' });
  });

  it('can be given up by the caller, before and while it is asked', async () => {
    const controller = new AbortController();
    fake.fail({ kind: 'hang' });
    const asked = failureOf(client.sample(sampleRequest, { ...limits, signal: controller.signal }));
    controller.abort();
    expect(await asked).toEqual({ kind: 'cancelled' });
    expect(await failureOf(client.sample(sampleRequest, { ...limits, signal: controller.signal }))).toEqual({
      kind: 'cancelled',
    });
  });
});

describe('completions for evaluation', () => {
  it('are greedy at temperature 0 and end at a stop text, which is cut off', async () => {
    const request = { prompt: PROMPT, maxTokens: 12, temperature: 0 };
    const [first, again] = [await client.complete(request, limits), await client.complete(request, limits)];
    expect(again).toEqual(first);
    const stopText = first.text.slice(1, 2);
    const cut = await client.complete({ ...request, stopTexts: [stopText] }, limits);
    expect(cut.text).toBe(first.text.slice(0, first.text.indexOf(stopText)));
    expect(cut.finish).toBe('stop');
  });
});
