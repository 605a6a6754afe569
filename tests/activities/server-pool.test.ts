import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { admit, type ExpectedModel } from '../../activities/vllm/admission.ts';
import { VllmClient } from '../../activities/vllm/client.ts';
import { readFingerprint, readModelDescription } from '../../activities/vllm/model-folder.ts';
import { NoServerError, ServerPool } from '../../activities/vllm/pool.ts';
import type { PoolSettings } from '../../activities/vllm/pool-settings.ts';
import { loadTokenizer } from '../../activities/vllm/tokenizer.ts';
import { VllmError } from '../../activities/vllm/vllm-error.ts';
import { eventually } from '../support/eventually.ts';
import { FakeVllmServer, type FakeServerOptions } from '../support/fake-vllm-server.ts';
import { TOY, writeToyModel } from '../support/toy-model.ts';

const settings: Partial<PoolSettings> = {
  requestMs: 5_000,
  pauseMs: 1,
  longestPauseMs: 10,
  lookMs: 10,
  probeMs: 200,
  stallMs: 100,
  stallTokens: 1,
  rejoinMs: 10,
  longestRejoinMs: 20,
  noServerMs: 5_000,
};
const request = { sequences: 1, tokens: 10, group: 'a' };
const sampleRequest = { prompt: [0, 7, 8], n: 1, maxTokens: 4, seed: 1, stop: TOY.markers.endOfLatent };

let folder: string;
let other: string;
let expected: ExpectedModel;
const fakes: FakeVllmServer[] = [];
const pools: ServerPool[] = [];

async function modelOf(path: string): Promise<ExpectedModel> {
  return {
    description: await readModelDescription(join(path, 'model')),
    fingerprint: await readFingerprint(join(path, 'fingerprint.json')),
    tokenizer: await loadTokenizer(join(path, 'model')),
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-pool-'));
  other = await mkdtemp(join(tmpdir(), 'thoughtloop-pool-'));
  await writeToyModel(folder, { seed: 1 });
  await writeToyModel(other, { seed: 2 });
  expected = await modelOf(folder);
});

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  await Promise.all(fakes.splice(0).map((fake) => fake.stop()));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(other, { recursive: true });
});

async function server(options: Partial<FakeServerOptions> = {}): Promise<FakeVllmServer> {
  const fake = await FakeVllmServer.start({ model: join(folder, 'model'), servedName: 'toy', ...options });
  fakes.push(fake);
  return fake;
}

function poolOf(servers: readonly FakeVllmServer[], changed: Partial<PoolSettings> = {}): ServerPool {
  const pool = new ServerPool({
    admit: (client, signal) => admit(client, expected, 500, signal),
    probePrompt: [TOY.beginning],
    settings: { ...settings, ...changed },
  });
  pools.push(pool);
  pool.setServers(listed(servers));
  return pool;
}

const listed = (servers: readonly FakeVllmServer[]): { url: string; servedName: string }[] =>
  servers.map(({ url }) => ({ url, servedName: 'toy' }));

const sample = (pool: ServerPool, more: object = {}): Promise<string> =>
  pool.run({ ...request, ...more }, async (client, limits) => {
    await client.sample(sampleRequest, limits);
    return client.root;
  });

const stateOf = (pool: ServerPool, fake: FakeVllmServer): string | undefined =>
  pool.status().find(({ server }) => server === fake.url)?.state;

const ready = (pool: ServerPool, ...servers: FakeVllmServer[]): Promise<boolean> =>
  eventually('servers ready', () => servers.every((fake) => stateOf(pool, fake) === 'ready'));

describe('admission', () => {
  it('takes a server that reproduces the fingerprint', async () => {
    const client = new VllmClient({ url: (await server()).url, servedName: 'toy' });
    expect(await admit(client, expected, 1_000)).toEqual({ kind: 'admitted' });
    await client.close();
  });

  it('refuses other weights under the right name, by the fingerprint', async () => {
    const client = new VllmClient({ url: (await server({ model: join(other, 'model') })).url, servedName: 'toy' });
    expect(await admit(client, expected, 1_000)).toMatchObject({ kind: 'refused', check: 'fingerprint' });
    await client.close();
  });

  it('refuses a server of another name, one that tokenises otherwise, one that hangs, one that is not there', async () => {
    const named = new VllmClient({ url: (await server({ servedName: 'else' })).url, servedName: 'toy' });
    expect(await admit(named, expected, 1_000)).toMatchObject({ kind: 'refused', check: 'name' });

    const letters = await mkdtemp(join(tmpdir(), 'thoughtloop-pool-'));
    await writeToyModel(letters, { seed: 1, letters: 'dcab ' });
    const spelt = new VllmClient({ url: (await server({ model: join(letters, 'model') })).url, servedName: 'toy' });
    expect(await admit(spelt, expected, 1_000)).toMatchObject({ kind: 'refused', check: 'tokenisation' });
    await rm(letters, { recursive: true });

    const hanging = await server();
    hanging.fail({ kind: 'hang' });
    const hung = new VllmClient({ url: hanging.url, servedName: 'toy' });
    expect(await admit(hung, expected, 50)).toMatchObject({ kind: 'refused', check: 'answers' });

    await hanging.stop();
    expect(await admit(hung, expected, 1_000)).toMatchObject({ kind: 'refused', check: 'answers' });
    for (const client of [named, spelt, hung]) await client.close();
  });

  it('a server with other weights never gets a request of the pool', async () => {
    const [right, wrong] = [await server(), await server({ model: join(other, 'model') })];
    const pool = poolOf([right, wrong]);
    const used = new Set(await Promise.all(Array.from({ length: 50 }, () => sample(pool))));
    expect([...used]).toEqual([right.url]);
    await eventually('the reason', () =>
      pool
        .status()
        .find(({ server }) => server === wrong.url)
        ?.trouble?.startsWith('fingerprint'),
    );
  });
});

describe('a server that fails', () => {
  it('that is killed with requests at it loses none of them: another answers', async () => {
    const [first, second] = [await server({ latencyMs: 30 }), await server({ latencyMs: 30 })];
    const pool = poolOf([first, second]);
    await ready(pool, first, second);
    const answers = Promise.all(Array.from({ length: 200 }, () => sample(pool)));
    await eventually('requests at the first', () => first.counts.sample > 5);
    await first.stop();
    expect(await answers).toHaveLength(200);
    await eventually('the first joining', () => stateOf(pool, first) === 'joining');
  });

  it('that answers garbage is not trusted before it is admitted anew', async () => {
    const [bad, good] = [await server(), await server()];
    const pool = poolOf([bad, good]);
    await ready(pool, bad, good);
    bad.fail({ kind: 'positive' });
    const used = await Promise.all(Array.from({ length: 100 }, () => sample(pool)));
    expect(new Set(used)).toEqual(new Set([good.url]));
    expect(stateOf(pool, bad)).toBe('joining');
    bad.fail(null);
    await ready(pool, bad);
  });

  it('whose engine hangs is found out by its standing counters, and its requests go elsewhere', async () => {
    const [hung, good] = [await server(), await server({ latencyMs: 5 })];
    const pool = poolOf([hung, good], { requestMs: 60_000 });
    await ready(pool, hung, good);
    hung.fail({ kind: 'hang' });
    hung.metrics = { frozen: true };
    const used = await Promise.all(Array.from({ length: 20 }, () => sample(pool)));
    expect(new Set(used)).toEqual(new Set([good.url]));
  });

  it('that hangs although /health and /metrics answer is found by the deadline of a completion, and the other goes on', async () => {
    const [hung, good] = [await server(), await server()];
    // Its standing counters tell nothing in this time: only a completion can.
    const pool = poolOf([hung, good], { stallMs: 1e9, requestMs: 300 });
    await ready(pool, hung, good);
    hung.fail({ kind: 'hang' });
    const used = await Promise.all(Array.from({ length: 20 }, () => sample(pool)));
    expect(new Set(used)).toEqual(new Set([good.url]));
    expect((await fetch(`${hung.url}/health`)).status).toBe(200);
    await eventually('it is given up', () => stateOf(pool, hung) === 'joining');
    hung.fail(null);
    await ready(pool, hung);
  });

  it('that is slow with one request but answers a probe stays', async () => {
    const only = await server();
    const pool = poolOf([only]);
    await ready(pool, only);
    only.fail({ kind: 'hang', times: 1 });
    expect(await sample(pool, { deadlineMs: 50 })).toBe(only.url);
    await ready(pool, only);
  });

  it('that forgets a request but answers a probe is sent it again long before its deadline', async () => {
    const only = await server();
    const pool = poolOf([only], { requestMs: 1e9, retryMs: 1e9 });
    await ready(pool, only);
    only.fail({ kind: 'hang', times: 1 });
    expect(await sample(pool)).toBe(only.url);
    await ready(pool, only);
  });

  it('that forgets a request while it answers probes is sent it again long before its deadline', async () => {
    const only = await server();
    // A probe makes two tokens: those of 100 ms are far fewer than a server that works is taken to make.
    const pool = poolOf([only], { requestMs: 1e9, retryMs: 1e9, stallTokens: 1e6 });
    await ready(pool, only);
    const asked = only.counts.sample;
    only.fail({ kind: 'hang', times: 1 });
    let forgotten = true;
    const lost = sample(pool).finally(() => (forgotten = false));
    await eventually('it is taken and forgotten', () => only.counts.sample > asked);
    const supervisor = new VllmClient({ url: only.url, servedName: 'toy' });
    // The counters never stand still.
    while (forgotten) await supervisor.probe([TOY.beginning], { deadlineMs: 1_000 });
    await supervisor.close();
    expect(await lost).toBe(only.url);
  });

  it('that forgets the same request each time is not asked for ever: the request may be the cause', async () => {
    const only = await server();
    const pool = poolOf([only], { requestMs: 1e9, retryMs: 1e9, tries: 2 });
    await ready(pool, only);
    await expect(
      pool.run(request, (client, limits) => {
        only.fail({ kind: 'hang', times: 1 });
        return client.sample(sampleRequest, limits);
      }),
    ).rejects.toMatchObject({ failure: { kind: 'deadline' } });
  });

  it('with 404 for the model is admitted anew: the weights may be another iteration’s by now', async () => {
    const only = await server();
    const pool = poolOf([only]);
    await ready(pool, only);
    only.fail({ kind: 'status', status: 404, times: 1 });
    expect(await sample(pool)).toBe(only.url);
  });
});

describe('a request', () => {
  it('that is refused fails at once, at one server', async () => {
    const [first, second] = [await server(), await server()];
    const pool = poolOf([first, second]);
    await ready(pool, first, second);
    const before = first.counts.sample + second.counts.sample;
    const refused = pool.run(request, (client, limits) =>
      client.sample({ ...sampleRequest, prompt: [0, 999] }, limits),
    );
    await expect(refused).rejects.toMatchObject({ failure: { kind: 'refused' } });
    expect(first.counts.sample + second.counts.sample).toBe(before + 1);
  });

  it('that is refused as too much is tried until it is taken, and the window shrinks', async () => {
    const only = await server();
    const pool = poolOf([only], { lookMs: 60_000 });
    await ready(pool, only);
    const before = pool.status()[0]?.window ?? 0;
    only.fail({ kind: 'status', status: 503, times: 8 });
    expect(await sample(pool)).toBe(only.url);
    expect(pool.status()[0]?.window).toBeLessThan(before / 2);
  });

  it('that ruins every server it meets is given up after its tries', async () => {
    const only = await server();
    const pool = poolOf([only], { tries: 3 });
    await ready(pool, only);
    let tries = 0;
    const poison = pool.run(request, (client) => {
      tries += 1;
      return Promise.reject(new VllmError({ kind: 'garbage', what: 'positive' }, client.root, 'poison'));
    });
    await expect(poison).rejects.toMatchObject({ failure: { kind: 'garbage' } });
    expect(tries).toBe(3);
  });

  it('is given back when the caller gives up, while it waits and while it is asked', async () => {
    const pool = poolOf([]);
    const waiting = new AbortController();
    const queued = sample(pool, { signal: waiting.signal });
    waiting.abort();
    await expect(queued).rejects.toMatchObject({ failure: { kind: 'cancelled' } });
    expect(pool.waiting).toBe(0);

    const only = await server();
    pool.setServers(listed([only]));
    await ready(pool, only);
    only.fail({ kind: 'hang' });
    const asking = new AbortController();
    const asked = sample(pool, { signal: asking.signal });
    asking.abort();
    await expect(asked).rejects.toMatchObject({ failure: { kind: 'cancelled' } });
    expect(pool.status()[0]?.sequences).toBe(0);
  });

  it('waits for the first server, and no longer than it is told', async () => {
    const pool = poolOf([], { noServerMs: 100 });
    await expect(sample(pool)).rejects.toThrow(NoServerError);
    const patient = poolOf([]);
    const answer = sample(patient);
    const late = await server();
    patient.setServers(listed([late]));
    expect(await answer).toBe(late.url);
  });
});

describe('the servers of a pool', () => {
  it('join and leave while it works: one taken off the list finishes what it has and gets no more', async () => {
    const [first, second] = [await server({ latencyMs: 20 }), await server({ latencyMs: 20 })];
    const pool = poolOf([first]);
    await ready(pool, first);
    const early = Promise.all(Array.from({ length: 20 }, () => sample(pool)));
    pool.setServers(listed([first, second]));
    await ready(pool, second);
    pool.setServers(listed([second]));
    expect(await early).toHaveLength(20);
    await eventually('the first gone', () => stateOf(pool, first) === undefined);
    const before = first.counts.sample;
    await Promise.all(Array.from({ length: 20 }, () => sample(pool)));
    expect(first.counts.sample).toBe(before);
  });

  it('share the work by outstanding tokens: a slow one gets less', async () => {
    const [slow, quick] = [await server(), await server()];
    const pool = poolOf([slow, quick], { stallMs: 1e9 });
    await ready(pool, slow, quick);
    slow.latencyMs = 500;
    let left = 300;
    const counts = new Map<string, number>();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (left-- > 0) {
          const used = await sample(pool);
          counts.set(used, (counts.get(used) ?? 0) + 1);
        }
      }),
    );
    expect(counts.get(quick.url) ?? 0).toBeGreaterThan(3 * (counts.get(slow.url) ?? 0));
  });

  it('are told apart by their answers: where there is room everywhere, the quick one is asked', async () => {
    // Far apart, so that a busy machine does not make them alike.
    const [slow, quick] = [await server(), await server()];
    const pool = poolOf([slow, quick], { stallMs: 1e9 });
    await ready(pool, slow, quick);
    slow.latencyMs = 2_000;
    await Promise.all(Array.from({ length: 100 }, () => sample(pool)));
    const used: string[] = [];
    for (let i = 0; i < 10; i += 1) used.push(await sample(pool, { affinity: String(i) }));
    expect(new Set(used)).toEqual(new Set([quick.url]));
  });

  it('keep the requests of one document together while that does not hold anyone up', async () => {
    const servers = [await server(), await server(), await server()];
    const pool = poolOf(servers);
    await ready(pool, ...servers);
    for (const affinity of ['x', 'y', 'z']) {
      const used: string[] = [];
      for (let i = 0; i < 5; i += 1) used.push(await sample(pool, { affinity }));
      expect(new Set(used).size).toBe(1);
    }
  });

  it('never get more sequences than their window', async () => {
    const only = await server({ latencyMs: 20, maxNumSeqs: 1 });
    const pool = poolOf([only], { lookMs: 200 });
    await ready(pool, only);
    const window = pool.status()[0]?.window ?? 0;
    const before = only.peak;
    const all = Promise.all(Array.from({ length: 100 }, () => sample(pool)));
    await eventually('a look at the queue', () => (pool.status()[0]?.window ?? 0) < window);
    await all;
    expect(only.peak).toBeGreaterThan(before);
    expect(only.peak).toBeLessThanOrEqual(window + 1);
  });

  it('get what finishes a chunk before new chunks of its shard', async () => {
    const only = await server({ latencyMs: 20 });
    const pool = poolOf([only], { lookMs: 60_000 });
    await ready(pool, only);
    const window = pool.status()[0]?.window ?? 0;
    const sent: string[] = [];
    const send = (name: string, urgent: boolean): Promise<unknown> =>
      pool.run({ ...request, urgent }, (client, limits) => {
        sent.push(name);
        return client.sample(sampleRequest, limits);
      });
    await Promise.all([...Array.from({ length: 100 }, () => send('new', false)), send('score', true)]);
    expect(sent.indexOf('score')).toBe(window);
  });

  it('serve shards in turn: one with a thousand requests does not hold up another’s first', async () => {
    const only = await server({ latencyMs: 5 });
    const pool = poolOf([only], { lookMs: 60_000 });
    await ready(pool, only);
    const window = pool.status()[0]?.window ?? 0;
    const sent: string[] = [];
    const send = (group: string): Promise<unknown> =>
      pool.run({ ...request, group }, (client, limits) => {
        sent.push(group);
        return client.sample(sampleRequest, limits);
      });
    await Promise.all([...Array.from({ length: 1_000 }, () => send('many')), send('one')]);
    // What fits the window is sent before the other shard comes; of the rest, its request is the first or second.
    expect(sent.indexOf('one')).toBeGreaterThanOrEqual(window);
    expect(sent.indexOf('one')).toBeLessThanOrEqual(window + 1);
  });
});
