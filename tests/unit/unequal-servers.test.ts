import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { VllmClient } from '../../activities/vllm/client.ts';
import { ServerPool } from '../../activities/vllm/pool.ts';
import { SimulatedEngine, simulatedLength, unequalSpeeds } from '../../scripts/bench/server/simulated-engine.ts';

// The promises of Node's timers are not faked with the timers.
vi.mock('node:timers/promises', () => ({
  setTimeout: (milliseconds: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(value), milliseconds);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(new Error('aborted'));
      });
    }),
}));

const K = 4;
const MOST_TOKENS = 48;
const SHARDS = 16;
const SHARDS_AT_ONCE = 4;
const CHUNKS = 500;
const CHUNKS_IN_FLIGHT = 125;
const LOOK_MS = 50;

let engines: Map<string, SimulatedEngine>;
let pool: ServerPool;
let seed = 0;

const engineOf = (client: VllmClient): SimulatedEngine => {
  const engine = engines.get(client.root);
  if (engine === undefined) throw new Error(`Expected an engine of ${client.root}, found none`);
  return engine;
};

/** Has sequences of some tokens each worked on by whichever server the pool gives. */
const ask = (shard: number, urgent: boolean, lengths: (engine: SimulatedEngine) => number[]): Promise<void> =>
  pool.run(
    {
      group: String(shard),
      order: shard,
      urgent,
      sequences: K,
      tokens: K * MOST_TOKENS,
    },
    (client) => new Promise((resolve) => engineOf(client).submit(lengths(engineOf(client)), resolve)),
  );

async function sampleShard(shard: number): Promise<void> {
  let left = CHUNKS;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      seed += K;
      const first = seed;
      const thoughts = Array.from({ length: K }, (_, index) => simulatedLength(first + index, MOST_TOKENS));
      await ask(shard, false, ({ speed }) => thoughts.map((length) => length * speed.tokenMs));
      await ask(shard, true, ({ speed }) => thoughts.map(() => speed.scoreMs));
    }
  };
  await Promise.all(Array.from({ length: CHUNKS_IN_FLIGHT }, work));
}

async function sampleShards(): Promise<void> {
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
  const work = async (): Promise<void> => {
    for (let shard = shards.shift(); shard !== undefined; shard = shards.shift()) await sampleShard(shard);
  };
  await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, work));
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  engines = new Map(
    unequalSpeeds(8, 250).map((speed, index) => [`http://server-${index}`, new SimulatedEngine(speed)]),
  );
  vi.spyOn(VllmClient.prototype, 'load').mockImplementation(function (this: VllmClient) {
    const { running, waiting, kvCache, preemptions } = engineOf(this);
    return Promise.resolve({ running, waiting, kvCache, preemptions, tokens: performance.now() });
  });
  pool = new ServerPool({ admit: () => Promise.resolve({ kind: 'admitted' }), probePrompt: [0] });
  pool.setServers([...engines.keys()].map((url) => ({ url, servedName: 'simulated' })));
});

afterEach(async () => {
  await pool.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('servers that differ fourfold in speed and room, some with full caches, in simulated time', () => {
  it('are kept busy until the last 2 % of the work, although shards of one size begin together', async () => {
    let over = false;
    const sampling = sampleShards().then(() => (over = true));
    const looks: { at: number; worked: number }[] = [];
    while (!over) {
      await vi.advanceTimersByTimeAsync(LOOK_MS);
      const worked = [...engines.values()].reduce((sum, engine) => sum + engine.worked, 0);
      looks.push({ at: performance.now(), worked });
    }
    await sampling;
    const work = looks.at(-1)?.worked ?? 0;
    const full = looks.find(({ worked }) => worked >= 0.98 * work);
    const capacity = [...engines.values()].reduce((sum, engine) => sum + engine.capacity, 0);
    expect((full?.worked ?? 0) / ((full?.at ?? 0) * capacity)).toBeGreaterThan(0.97);
    const preemptions = [...engines.values()].reduce((sum, engine) => sum + engine.preemptions, 0);
    expect(preemptions).toBeGreaterThan(0);
  });
});
