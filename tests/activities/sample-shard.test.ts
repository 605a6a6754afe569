import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, it } from 'vitest';
import { REJECTIONS_TRIED_AGAIN } from '../../activities/e-step/chunk-outcome.ts';
import { chunkPrompts } from '../../activities/e-step/prompts.ts';
import { sampleShard, type ShardPorts } from '../../activities/e-step/sample-shard.ts';
import { selectionDraw } from '../../activities/e-step/seeds.ts';
import { select } from '../../activities/e-step/selection.ts';
import { reopenRejected } from '../../activities/store/e-steps.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { claimShard } from '../../activities/store/shards.ts';
import { pooledInference } from '../../activities/vllm/inference.ts';
import { readModelDescription } from '../../activities/vllm/model-folder.ts';
import { ServerPool } from '../../activities/vllm/pool.ts';
import { loadTokenizer, SpecialTokenInTextError } from '../../activities/vllm/tokenizer.ts';
import type { SampleShardInput } from '../../workflows/contract/activities.ts';
import { FakeVllmServer } from '../support/fake-vllm-server.ts';
import { eventually } from '../support/eventually.ts';
import { E_STEP, plannedEStep, type GivenDocument } from '../support/planned-e-step.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import type { ToyLanguageModel } from '../support/toy-language-model.ts';
import { TOY, writeToyModel } from '../support/toy-model.ts';

const DOCUMENTS: GivenDocument[] = Array.from({ length: 30 }, (_, i) => ({
  ...(i % 2 === 0 ? { context: 'ab ' } : {}),
  chunks: ['abc d', 'a', 'bb', 'dcba '].slice(0, 1 + (i % 4)),
}));
const CHUNKS = DOCUMENTS.reduce((sum, { chunks }) => sum + chunks.length, 0);

let folder: string;
let language: ToyLanguageModel;
let test: TestDatabase;
let database: Database;
let fake: FakeVllmServer;
let pool: ServerPool;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-shard-'));
  language = await writeToyModel(folder, { favour: 3 });
});

afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  test = await createTestDatabase();
  database = openDatabase(test.url);
  fake = await FakeVllmServer.start({ model: join(folder, 'model'), servedName: 'toy' });
  pool = new ServerPool({
    admit: () => Promise.resolve({ kind: 'admitted' }),
    probePrompt: [TOY.beginning],
    settings: { pauseMs: 1, longestPauseMs: 5, probeMs: 200, rejoinMs: 5, tries: 2, noServerMs: 2_000, retryMs: 5_000 },
  });
  pool.setServers([{ url: fake.url, servedName: 'toy' }]);
});

afterEach(async () => {
  await pool.close();
  await fake.stop();
  await database.end();
  await test.drop();
});

async function ports(changed: Partial<ShardPorts> = {}): Promise<ShardPorts> {
  return {
    database,
    inference: pooledInference(pool),
    model: await readModelDescription(join(folder, 'model')),
    tokenizer: await loadTokenizer(join(folder, 'model')),
    holder: 'test',
    signal: new AbortController().signal,
    drainMs: 2_000,
    onProgress: () => undefined,
    ...changed,
  };
}

interface Row {
  document: number;
  chunk: number;
  selected: number | null;
  rejection: string | null;
  rounds: number;
  prefix: number;
  ess: number;
  elbo: number[];
  thoughts: { ids: number[]; q: number; p: number | null; finish: string; selected: boolean }[] | null;
}

async function stored(eStep: number): Promise<Row[]> {
  const { rows } = await database.query<Row>(
    `select document, chunk, c.selected, rejection, rounds, prefix_chunks as prefix, ess, elbo,
       (select json_agg(json_build_object('ids', token_ids, 'q', log_q, 'p', log_p, 'finish', finish, 'selected', t.selected)
          order by candidate) from thoughts t where (t.e_step, t.document, t.chunk) = (c.e_step, c.document, c.chunk)) as thoughts
     from chunk_results c where e_step = $1 order by document, chunk`,
    [eStep],
  );
  return rows;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('a sampled shard', () => {
  it('has every chunk with its K thoughts, their exact log q and log p, and the choice that the seed makes', async () => {
    const input = await plannedEStep(database, DOCUMENTS);
    const all = await ports();
    const counts = await sampleShard(input, all);
    const rows = await stored(input.eStep);
    expect(rows).toHaveLength(CHUNKS);
    for (const row of rows) {
      const { context = '', chunks } = DOCUMENTS[row.document] ?? { chunks: [] };
      const encode = (text: string): number[] => all.tokenizer.encode(text);
      const before = chunks.slice(Math.max(0, row.chunk - 2), row.chunk).map(encode);
      const text = { context: encode(context), before, chunk: encode(chunks[row.chunk] ?? '') };
      const prompts = chunkPrompts('corrected', { ...TOY, contextLength: 64 }, text, E_STEP.maxThoughtTokens);
      if (prompts.kind !== 'prompts' || row.thoughts === null) throw new Error('Expected prompts and thoughts');
      expect(row.prefix).toBe(before.length);
      const weights = row.thoughts.map(({ ids, q, p, finish }) => {
        const ending = finish === 'stop' ? [TOY.markers.endOfLatent] : finish === 'end' ? [TOY.end] : [];
        expect(q).toBeCloseTo(sum(language.score([...prompts.propose, ...ids, ...ending], prompts.propose.length)), 8);
        if (finish !== 'stop') {
          expect(p).toBeNull();
          return 0;
        }
        const [joint] = prompts.score([ids]);
        expect(p).toBeCloseTo(sum(language.score(joint?.ids ?? [], joint?.from ?? 0)), 8);
        return Math.exp((p ?? 0) - q);
      });
      const total = sum(weights);
      const place = { seed: 7, iteration: 1, document: row.document, chunk: row.chunk };
      expect(row.selected).toBe(
        select(
          weights.map((weight) => weight / total),
          selectionDraw(place),
        ),
      );
      expect(row.thoughts.map(({ selected }) => selected)).toEqual(weights.map((_, index) => index === row.selected));
      expect(row.elbo.at(-1)).toBeCloseTo(Math.log(total / 4), 8);
      expect(row.ess).toBeCloseTo(total ** 2 / sum(weights.map((weight) => weight ** 2)), 4);
    }
    const rounds = sum(rows.map((row) => row.rounds));
    expect(counts).toMatchObject({ chunks: CHUNKS, selected: CHUNKS, rejected: 0, requests: rounds + CHUNKS });
    expect(fake.counts.sample).toBe(rounds);
  });

  it('comes out the same whatever the order and the number of chunks under way', async () => {
    const first = await plannedEStep(database, DOCUMENTS);
    await sampleShard(first, await ports());
    const rows = await stored(first.eStep);
    await database.query('truncate chunk_results, thoughts');
    await database.query('update shards set finished_at = null');
    fake.latencyMs = 3;
    await sampleShard({ ...first, settings: { ...E_STEP, chunksInFlight: 50 } }, await ports());
    expect(await stored(first.eStep)).toEqual(rows);
  });

  it('that is sampled again asks nothing and returns the same counts', async () => {
    const input = await plannedEStep(database, DOCUMENTS);
    const counts = await sampleShard(input, await ports());
    const asked = fake.counts.sample;
    expect(await sampleShard(input, await ports())).toEqual(counts);
    expect(fake.counts.sample).toBe(asked);
  });
});

describe('a shard that is interrupted', () => {
  it('by cancellation finishes the chunks under way and begins no more; the next attempt does only the rest', async () => {
    const input = await plannedEStep(database, DOCUMENTS);
    const controller = new AbortController();
    fake.latencyMs = 5;
    const stopped = sampleShard(
      input,
      await ports({ signal: controller.signal, onProgress: ({ done }) => void (done >= 20 && controller.abort()) }),
    );
    await expect(stopped).rejects.toThrow('Sampling stopped');
    const durable = await stored(input.eStep);
    expect(durable.length).toBeGreaterThanOrEqual(20);
    expect(durable.length).toBeLessThan(CHUNKS);
    expect(fake.counts.sample).toBe(sum(durable.map(({ rounds }) => rounds)));

    const counts = await sampleShard(input, await ports());
    const rows = await stored(input.eStep);
    expect(counts.chunks).toBe(CHUNKS);
    expect(rows).toHaveLength(CHUNKS);
    // Not one request more than one pass needs.
    expect(fake.counts.sample).toBe(sum(rows.map(({ rounds }) => rounds)));
  });

  it('by its servers’ loss fails as NoServer, keeps what is durable, and goes on with other servers', async () => {
    const input = await plannedEStep(database, DOCUMENTS);
    fake.latencyMs = 2;
    let killed: Promise<void> | undefined;
    const failed = sampleShard(
      input,
      await ports({ onProgress: ({ done }) => void (done >= 10 && (killed ??= fake.stop())) }),
    );
    await expect(failed).rejects.toMatchObject({ type: expect.stringMatching(/^(NoServer|ServerLost)$/) as string });
    await killed;
    const durable = await stored(input.eStep);
    expect(durable.length).toBeGreaterThanOrEqual(10);
    const first = fake.counts.sample;

    fake = await FakeVllmServer.start({ model: join(folder, 'model'), servedName: 'toy' });
    pool.setServers([{ url: fake.url, servedName: 'toy' }]);
    await sampleShard(input, await ports());
    const rows = await stored(input.eStep);
    expect(rows).toHaveLength(CHUNKS);
    // Lost are the requests in flight at most.
    expect(first + fake.counts.sample).toBeLessThanOrEqual(
      sum(rows.map(({ rounds }) => rounds)) + E_STEP.chunksInFlight,
    );
  });

  it('by another worker’s claim writes nothing more; the other finishes, and no chunk is there twice', async () => {
    const input = await plannedEStep(database, DOCUMENTS);
    fake.latencyMs = 5;
    let taken: Promise<unknown> | undefined;
    let atClaim = -1;
    const takeOver = async (): Promise<void> => {
      await claimShard(database, input.eStep, 0, 'other');
      atClaim = (await stored(input.eStep)).length;
    };
    const first = sampleShard(
      input,
      await ports({ onProgress: ({ done }) => void (done >= 10 && (taken ??= takeOver())) }),
    );
    await expect(first).rejects.toMatchObject({ type: 'LeaseLost' });
    await taken;
    expect((await stored(input.eStep)).length).toBe(atClaim);
    const counts = await sampleShard(input, await ports());
    expect(counts.chunks).toBe(CHUNKS);
  });

  it('two workers at once: one of them loses its lease, the shard is whole', async () => {
    const input = await plannedEStep(database, DOCUMENTS);
    fake.latencyMs = 2;
    const ends = await Promise.allSettled([sampleShard(input, await ports()), sampleShard(input, await ports())]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await stored(input.eStep)).toHaveLength(CHUNKS);
  });
});

describe('a chunk that cannot be done', () => {
  async function rejections(
    documents: GivenDocument[],
    changed: Partial<SampleShardInput['settings']> = {},
  ): Promise<(string | null)[]> {
    const input = await plannedEStep(database, documents, { ...E_STEP, ...changed });
    await sampleShard(input, await ports());
    return (await stored(input.eStep)).map(({ rejection }) => rejection);
  }
  const fine = { chunks: ['ab'] };

  it('for its length is rejected, its neighbours are sampled', async () => {
    expect(await rejections([fine, { chunks: ['a'.repeat(60), 'b'] }, fine])).toEqual([null, 'too-long', null, null]);
    expect(fake.bodies.every(({ prompt }) => (prompt as number[]).length < 64)).toBe(true);
  });

  it('because the server refuses it is rejected, and asked for once', async () => {
    fake.fail({ kind: 'status', status: 400, times: 1 });
    expect(await rejections([fine], { chunksInFlight: 1 })).toEqual(['refused']);
    expect(fake.counts.sample).toBe(1);
  });

  it('because no server gives a right answer to it is rejected', async () => {
    fake.fail({ kind: 'positive', only: 'score' });
    expect(await rejections([fine], { chunksInFlight: 1 })).toEqual(['garbage']);
  });

  describe('alone among others is rejected, and the others are sampled', () => {
    // `d` is in this chunk alone.
    const documents = [
      ...Array<GivenDocument>(20).fill(fine),
      { chunks: ['d'] },
      ...Array<GivenDocument>(20).fill(fine),
    ];
    const only = 'sample';
    const token = 10;

    it.each([
      ['refused', { kind: 'status', status: 400 }],
      ['refused', { kind: 'status', status: 413 }],
      ['garbage', { kind: 'positive' }],
      ['garbage', { kind: 'not-json' }],
      ['deadline', { kind: 'hang' }],
      ['crash', { kind: 'reset' }],
      ['crash', { kind: 'cut-body' }],
      ['crash', { kind: 'status', status: 500 }],
    ] as const)('%s: %o', async (rejection, fault) => {
      fake.latencyMs = 2;
      fake.fail({ ...fault, only, token });
      const found = await rejections(documents, { requestTimeoutSeconds: 1 });
      expect(found).toEqual(documents.map((document) => (document === documents[20] ? rejection : null)));
    });

    it('special-token: a vocabulary that can write its text only as the token itself', async () => {
      const { tokenizer } = await ports();
      const encode = (text: string): number[] => {
        if (text === 'd') throw new SpecialTokenInTextError(4, '<|END_OF_LATENT|>');
        return tokenizer.encode(text);
      };
      const input = await plannedEStep(database, documents);
      await sampleShard(input, await ports({ tokenizer: { ...tokenizer, encode } }));
      const found = (await stored(input.eStep)).map(({ rejection }) => rejection);
      expect(found).toEqual(documents.map((_, at) => (at === 20 ? 'special-token' : null)));
    });
  });

  it('because the server dies of it each time it is asked is rejected, though all that was beside it was lost too', async () => {
    const documents = [fine, { chunks: ['d'] }, ...Array<GivenDocument>(20).fill(fine)];
    const input = await plannedEStep(database, documents);
    // Like a process that ends: every connection is cut, and the port is listened on again a moment later.
    fake.latencyMs = 5;
    fake.fail({ kind: 'die', only: 'sample', token: 10 });
    await sampleShard(input, await ports());
    const found = (await stored(input.eStep)).map(({ rejection }) => rejection);
    expect(found).toEqual(documents.map((_, at) => (at === 1 ? 'crash' : null)));
  });

  it('because none of its thoughts ends in any round is rejected as unfinished', async () => {
    const endless = await mkdtemp(join(tmpdir(), 'thoughtloop-shard-'));
    await writeToyModel(endless, { favour: -30 });
    const server = await FakeVllmServer.start({ model: join(endless, 'model'), servedName: 'toy' });
    pool.setServers([{ url: server.url, servedName: 'toy' }]);
    await eventually(
      'the endless server alone',
      () => pool.status().length === 1 && pool.status()[0]?.state === 'ready',
    );
    const input = await plannedEStep(database, [fine]);
    await sampleShard(input, await ports());
    expect(await stored(input.eStep)).toMatchObject([{ rejection: 'unfinished', rounds: 4, selected: null }]);
    expect(server.counts).toMatchObject({ sample: 4, score: 0 });
    expect(new Set(server.bodies.map(({ seed }) => seed)).size).toBe(4);
    await server.stop();
    await rm(endless, { recursive: true });
  });
});

describe('a shard whose chunks are rejected one after another', () => {
  it('stops once the E-step cannot end well, and goes on when that is mended', async () => {
    const documents = Array<GivenDocument>(700).fill({ chunks: ['ab'] });
    const planned = await plannedEStep(database, documents, { ...E_STEP, maxRejected: 0.9 });
    const input = { ...planned, planned: documents.length };
    fake.fail({ kind: 'status', status: 400 });
    await expect(sampleShard(input, await ports())).rejects.toMatchObject({
      type: 'TooManyRejections',
      nonRetryable: true,
      message: expect.stringMatching(/at most 90.0 % of 700 chunks.*found \d+ of the first \d+/) as string,
    });
    const rejected = await stored(input.eStep);
    expect(rejected.length).toBeGreaterThanOrEqual(500);
    expect(rejected.length).toBeLessThan(700);

    fake.fail(null);
    await reopenRejected(database, input.eStep, REJECTIONS_TRIED_AGAIN);
    const counts = await sampleShard(input, await ports());
    expect(counts).toMatchObject({ chunks: 700, selected: 700, rejected: 0 });
  });

  it('ends by finishing where the limit allows it', async () => {
    const documents = Array<GivenDocument>(600).fill({ chunks: ['ab'] });
    const planned = await plannedEStep(database, documents, { ...E_STEP, maxRejected: 1 });
    fake.fail({ kind: 'status', status: 400 });
    expect(await sampleShard({ ...planned, planned: 600 }, await ports())).toMatchObject({ rejected: 600 });
  });
});

describe('the released mode', () => {
  it('scores unfinished thoughts too and may choose them', async () => {
    const input = await plannedEStep(database, DOCUMENTS, { ...E_STEP, maxThoughtTokens: 2 }, 'released');
    await sampleShard(input, await ports());
    const thoughts = (await stored(input.eStep)).flatMap((row) => row.thoughts ?? []);
    expect(thoughts.some(({ finish }) => finish === 'length')).toBe(true);
    expect(thoughts.every(({ p }) => p !== null)).toBe(true);
    expect(thoughts.some(({ finish, selected }) => selected && finish !== 'stop')).toBe(true);
  });
});
