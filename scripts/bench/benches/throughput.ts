import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runBareClient, writeBodies } from '../bare-load.ts';
import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import { repeated, type BenchResult, type Figure } from '../figure.ts';
import { datatrovePython, runDatatrove } from '../peer/datatrove.ts';
import { SERVED_NAME, World, type BenchServer } from '../world.ts';

/**
 * Durable sampling beside a peer and beside the least a client can do: the product samples shards (real pool, weights,
 * selection, COPY into PostgreSQL that syncs every commit), datatrove's InferenceRunner checkpoints every result, the bare
 * client keeps nothing. All send the same bodies to the same server with as many under way.
 *
 * What counts: one sampling request, whose answer has all K = 4 thoughts of a chunk (128 tokens with log probabilities,
 * about 6 kB), is one request for all three. The peer has no scoring pass, so scores are put in without asking the server;
 * bench `e-step` measures with scoring. Time runs from a client's first work to the end of its last, programs loaded.
 */
export const throughput: Bench = {
  what: 'durable sampling requests a second, beside datatrove 0.10 with checkpointing and a bare keep-alive client',
  run: measure,
};

const CONCURRENCY = 500;

interface Round {
  readonly latencyMs: number;
  readonly repetitions: number;
  /** Requests of one repetition. */
  readonly ours: number;
  readonly peer: number;
  readonly bare: number;
}

/** As many requests as take a few seconds at least, and several times the concurrency. */
const ROUNDS: readonly Round[] = [
  { latencyMs: 0, repetitions: 3, ours: 12_000, peer: 3_000, bare: 30_000 },
  { latencyMs: 100, repetitions: 3, ours: 12_000, peer: 3_000, bare: 30_000 },
  { latencyMs: 2_000, repetitions: 1, ours: 5_000, peer: 5_000, bare: 5_000 },
];
const QUICK: readonly Round[] = [{ latencyMs: 0, repetitions: 1, ours: 400, peer: 400, bare: 400 }];

/** Requests a second of one repetition. */
interface Rates {
  readonly ours: number;
  readonly twoSamplers: number;
  readonly peer: number;
  readonly bare: number;
  /** Processor seconds of the server over the seconds of our measurement. */
  readonly serverLoad: number;
}

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const python = await datatrovePython();
  const world = await World.start();
  try {
    const rounds = quick ? QUICK : ROUNDS;
    await makeCorpus(world.database, 'throughput', {
      documents: Math.max(...rounds.map(({ ours }) => ours)),
      chunks: 1,
      letters: 64,
    });
    const figures: Figure[] = [];
    const measured: Record<string, readonly Rates[]> = {};
    for (const round of rounds) {
      const all: Rates[] = [];
      for (let repetition = 0; repetition < round.repetitions; repetition += 1) {
        const rates = await once(world, python, round, `${round.latencyMs}-${repetition}`);
        tell(
          `  ${round.latencyMs} ms: ${JSON.stringify(rates, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(3)) : value))}`,
        );
        all.push(rates);
      }
      measured[`${round.latencyMs} ms`] = all;
      figures.push(...figuresOf(round, all));
    }
    return { figures, measured: { concurrency: CONCURRENCY, requestsPerSecond: measured } };
  } finally {
    await world.stop();
  }
}

function figuresOf({ latencyMs }: Round, all: readonly Rates[]): Figure[] {
  const at = `${latencyMs} ms`;
  const ideal = (CONCURRENCY * 1_000) / latencyMs;
  const same = `both durable, same server and bodies, ${CONCURRENCY} under way`;
  return [
    repeated(
      all.map(({ ours, peer }) => ours / peer),
      {
        name: `over datatrove, ${at}`,
        unit: '×',
        of: `sampling requests/s of one sampler process over those of datatrove with checkpointing; ${same}`,
        ...(latencyMs === 0 ? { target: { atLeast: 4 } } : {}),
      },
    ),
    repeated(
      all.map(({ ours, bare }) => ours / bare),
      {
        name: `over the bare client, ${at}`,
        unit: '×',
        of: 'sampling requests/s of one durable sampler process over those of a bare keep-alive client that keeps nothing',
      },
    ),
    repeated(
      all.map(({ twoSamplers, bare }) => twoSamplers / bare),
      {
        name: `two sampler processes over the bare client, ${at}`,
        unit: '×',
        of: 'sampling requests/s of two durable sampler processes (`up --samplers 2`) over those of the bare client',
        ...(latencyMs === 0 ? { target: { atLeast: 0.5 } } : {}),
      },
    ),
    repeated(
      all.map(({ ours, twoSamplers }) => twoSamplers / ours),
      {
        name: `two sampler processes over one, ${at}`,
        unit: '×',
        of: 'sampling requests/s; server and PostgreSQL share the cores with them',
      },
    ),
    ...(latencyMs < 1_000
      ? []
      : [
          repeated(
            all.map(({ ours }) => ours / ideal),
            {
              name: `over the ideal, ${at}`,
              unit: 'share',
              of: `sampling requests/s over ${ideal}, the most that ${CONCURRENCY} under way allow; start and end included`,
            },
          ),
        ]),
  ];
}

async function once(world: World, python: string, round: Round, name: string): Promise<Rates> {
  const server = await world.serve({ latencyMs: round.latencyMs });
  const folder = world.make(`throughput-${name}`);
  try {
    const record = join(folder, 'record.jsonl');
    await ours(world, server, `${name}-record`, 100, 1, record);
    const bodies = writeBodies(folder, record, 'sample').file;
    const one = await ours(world, server, `${name}-one`, round.ours, 1);
    const common = { bodies, concurrency: CONCURRENCY };
    const url = `${server.url}/v1/completions`;
    const peer = await runDatatrove(world, python, { ...common, url: server.url, requests: round.peer, folder });
    const bare = await runBareClient(world, { ...common, url, requests: round.bare });
    const two = await ours(world, server, `${name}-two`, round.ours, 2);
    return {
      ours: one.rate,
      twoSamplers: two.rate,
      peer: peer.requests / peer.seconds,
      bare: bare.requests / bare.seconds,
      serverLoad: one.serverLoad,
    };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Samples `chunks` chunks, 500 of them under way: four shards at once in all processes together. */
async function ours(
  world: World,
  server: BenchServer,
  run: string,
  chunks: number,
  processes: number,
  record?: string,
): Promise<{ rate: number; serverLoad: number }> {
  const atOnce = 4 / processes;
  const settings = { ...BENCH_E_STEP, chunksInFlight: CONCURRENCY / 4, shardDocuments: chunks / 4 };
  const plan = await planBench(world.database, run, 'throughput', settings);
  await listServers(world.database, run, [server.url], SERVED_NAME);
  const shards = plan.shards.slice(0, 4);
  const share = (index: number): typeof shards => shards.filter((_, at) => at % processes === index);
  const extra = record === undefined ? {} : { record };
  const before = await server.stats();
  const samplers = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      world.sample({ shards: share(index), atOnce, scoring: 'none', ...extra }),
    ),
  );
  const seconds = Math.max(...samplers.map((report) => report.seconds));
  const done = samplers.reduce((sum, report) => sum + report.chunks, 0);
  return { rate: done / seconds, serverLoad: ((await server.stats()).cpu - before.cpu) / seconds };
}
