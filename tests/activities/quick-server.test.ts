import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admit } from '../../activities/vllm/admission.ts';
import { VllmClient } from '../../activities/vllm/client.ts';
import { loadServedModel } from '../../activities/vllm/served-model.ts';
import { BENCH_CHECKPOINT, writeBenchModel } from '../../scripts/bench/bench-model.ts';
import { BenchProcess } from '../../scripts/bench/bench-process.ts';
import { sampleBody, scoreBody } from '../../activities/vllm/request-bodies.ts';
import type { ServerStats } from '../../scripts/bench/server/request-counter.ts';
import { Slots } from '../../scripts/bench/server/slots.ts';
import { program } from '../../scripts/bench/world.ts';
import { eventually } from '../support/eventually.ts';
import { FakeVllmServer } from '../support/fake-vllm-server.ts';
import { writeToyModel } from '../support/toy-model.ts';

const SAMPLE = { prompt: [0, 3, 4, 8, 9, 3, 6], n: 3, maxTokens: 12, seed: 5, stop: 4 };
const SEQUENCES = [
  { ids: [0, 8, 3, 5, 9, 4, 8], from: 4 },
  { ids: [0, 9, 3, 5, 4, 8], from: 4 },
];
const LIMITS = { deadlineMs: 10_000 };

let folder: string;
let quick: BenchProcess;
let url: string;
let fake: FakeVllmServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-quick-server-'));
  const model = writeBenchModel(folder);
  const settings = { model, servedName: 'bench', latencyMs: 0, thoughtTokens: 8, port: 0 };
  quick = BenchProcess.node(program('./server/quick-server.ts'), settings);
  ({ url } = await quick.next<{ url: string }>());
  await writeToyModel(join(folder, 'toy'), { favour: 3 });
  fake = await FakeVllmServer.start({ model: join(folder, 'toy', 'model'), servedName: 'bench' });
});

afterAll(async () => {
  await quick.stop('SIGKILL');
  await fake.stop();
  await rm(folder, { recursive: true });
});

async function post(server: string, body: object): Promise<unknown> {
  const response = await fetch(`${server}/v1/completions`, { method: 'POST', body: JSON.stringify(body) });
  return response.json();
}

/** An answer with every value replaced by its kind, and lists by their first item's. */
function shape(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return [shape(value.at(-1), key)];
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value;
  const entries = Object.entries(value).map(([name, each]) => [/^\d+$/.test(name) ? 'id' : name, shape(each, name)]);
  return Object.fromEntries(entries.toSorted(([a], [b]) => String(a).localeCompare(String(b)))) as unknown;
}

describe("the benches' server", () => {
  it('is admitted by a sampler, with its own fingerprint', async () => {
    const client = new VllmClient({ url, servedName: 'bench' });
    const model = await loadServedModel(folder, BENCH_CHECKPOINT);
    expect(await admit(client, model, 10_000)).toEqual({ kind: 'admitted' });
    await client.close();
  });

  it('answers in the shape of the fake of vLLM, to the bodies that the client sends', async () => {
    const client = new VllmClient({ url: fake.url, servedName: 'bench' });
    await client.sample(SAMPLE, LIMITS);
    await client.score(SEQUENCES, LIMITS);
    await client.close();
    const bodies = [
      sampleBody('bench', SAMPLE),
      scoreBody(
        'bench',
        SEQUENCES.map(({ ids }) => ids),
      ),
    ];
    expect(fake.bodies.slice(-2)).toEqual(bodies);
    for (const body of bodies) expect(shape(await post(url, body))).toEqual(shape(await post(fake.url, body)));
  });

  it('passes every check that the client makes of an answer, and counts what it was asked', async () => {
    const client = new VllmClient({ url, servedName: 'bench' });
    await fetch(`${url}/reset`, { method: 'POST' });
    const thoughts = await client.sample(SAMPLE, LIMITS);
    expect(thoughts.map(({ finish, tokenIds }) => [finish, tokenIds.length])).toEqual(Array(3).fill(['stop', 8]));
    expect(await client.sample({ ...SAMPLE, maxTokens: 5 }, LIMITS)).toMatchObject([
      { finish: 'length' },
      { finish: 'length' },
      { finish: 'length' },
    ]);
    expect((await client.score(SEQUENCES, LIMITS)).map(({ length }) => length)).toEqual([3, 2]);
    const stats = (await (await fetch(`${url}/stats`)).json()) as ServerStats;
    expect(stats).toMatchObject({ sample: 2, score: 1, answered: 3, inFlight: 0, peak: 1 });
    await client.close();
  });

  it('reads a request that comes in pieces, and closes a connection that asks for it', async () => {
    const body = JSON.stringify(scoreBody('bench', [[0, 8, 9]]));
    const head = `POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const text = head + body;
    for (let at = 0; at < text.length; at += 50) {
      socket.write(text.slice(at, at + 50));
      await new Promise((resolve) => setImmediate(resolve));
    }
    let answer = '';
    for await (const data of socket) answer += String(data);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ model: 'bench' });
  });

  it('tells answers that a killed client had read from those it had not', async () => {
    const { port } = new URL(url);
    const body = JSON.stringify(scoreBody('bench', [[0, 8, 9]]));
    const request = `POST /v1/completions HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const client = (then: string): BenchProcess =>
      new BenchProcess(process.execPath, [
        '-e',
        `const socket = require('node:net').connect(${port}, '127.0.0.1', () => socket.write(${JSON.stringify(request)}, () => {${then}}));`,
      ]);
    const stats = async (): Promise<ServerStats> => (await (await fetch(`${url}/stats`)).json()) as ServerStats;
    const before = await stats();
    const reads = client(`socket.once('data', () => console.log('{}'))`);
    await reads.next();
    await reads.stop('SIGKILL');
    const blind = client(`Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`);
    await eventually('both answered', async () => (await stats()).answered === before.answered + 2);
    await blind.stop('SIGKILL');
    await eventually('the unread answer found', async () => (await stats()).unread === before.unread + 1);
    expect(await stats()).toMatchObject({ lost: before.lost, inFlight: 0 });
  });
});

describe('the slots of a server', () => {
  it('let as many sequences run as there are, the others in the order they came, and one too large alone', () => {
    const slots = new Slots(4);
    const started: string[] = [];
    for (const [name, sequences] of [
      ['a', 3],
      ['b', 2],
      ['c', 1],
      ['d', 9],
      ['e', 1],
    ] as const) {
      slots.enter(sequences, () => started.push(name));
    }
    expect(started).toEqual(['a']);
    slots.leave(3);
    expect(started).toEqual(['a', 'b', 'c']);
    slots.leave(2);
    slots.leave(1);
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    slots.leave(9);
    expect(started).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
