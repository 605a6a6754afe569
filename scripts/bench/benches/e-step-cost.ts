import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runBareClient, writeBodies } from '../bare-load.ts';
import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import { repeated, type BenchResult } from '../figure.ts';
import { processorSeconds } from '../processor-time.ts';
import { SERVED_NAME, World } from '../world.ts';

/**
 * What a chunk costs when it is sampled, scored, weighed, selected and written. Chunks and thoughts have the paper's
 * proportions: 190 tokens a chunk, three chunks before it, K = 4 thoughts of 96 tokens; a score's answer has about
 * 200 kB. The server answers at once. Beside it the bare client sends the very same requests and throws the answers away.
 */
export const eStepCost: Bench = {
  what: 'the whole E-step against a server that answers at once: chunks a second, processor time and bytes a chunk',
  run: measure,
};

const SHAPE = { chunks: 8, letters: 190 };
const THOUGHT_TOKENS = 96;
const CONCURRENCY = 64;

interface Cost {
  readonly chunksPerSecond: number;
  readonly bareChunksPerSecond: number;
  readonly twoSamplersChunksPerSecond: number;
  readonly samplerMs: number;
  readonly bareMs: number;
  readonly postgresMs: number;
  readonly serverMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly storedBytes: number;
  readonly walBytes: number;
  readonly peakMemory: number;
}

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const documents = quick ? 8 : 250;
  const world = await World.start();
  try {
    await makeCorpus(world.database, 'e-step', { documents, ...SHAPE });
    const costs: Cost[] = [];
    for (let repetition = 0; repetition < (quick ? 1 : 3); repetition += 1) {
      const cost = await once(world, documents, `e-step-${repetition}`);
      tell(
        `  ${JSON.stringify(cost, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(3)) : value))}`,
      );
      costs.push(cost);
    }
    const of = (name: keyof Cost): number[] => costs.map((cost) => cost[name]);
    return {
      figures: [
        repeated(
          costs.map((cost) => cost.chunksPerSecond / cost.bareChunksPerSecond),
          {
            name: 'E-step over the bare client',
            unit: '×',
            of: 'chunks/s of the whole E-step by one sampler over those of a bare client that sends the same requests',
          },
        ),
        repeated(
          costs.map((cost) => cost.twoSamplersChunksPerSecond / cost.chunksPerSecond),
          {
            name: 'two sampler processes over one',
            unit: '×',
            of: 'chunks/s; server and PostgreSQL share the cores with them',
          },
        ),
        repeated(of('samplerMs'), {
          name: 'sampler',
          unit: 'CPU-ms a chunk',
          of: 'processor time of the sampler process',
        }),
        repeated(of('postgresMs'), {
          name: 'PostgreSQL',
          unit: 'CPU-ms a chunk',
          of: 'processor time of its processes',
        }),
        repeated(
          costs.map((cost) => cost.sentBytes + cost.receivedBytes),
          {
            name: 'network',
            unit: 'bytes a chunk',
            of: 'requests and answers of sampling and scoring',
          },
        ),
        repeated(of('storedBytes'), {
          name: 'store',
          unit: 'bytes a chunk',
          of: 'tables and indexes; K = 4 thoughts kept',
        }),
      ],
      measured: { shape: SHAPE, thoughtTokens: THOUGHT_TOKENS, concurrency: CONCURRENCY, costs },
    };
  } finally {
    await world.stop();
  }
}

async function once(world: World, documents: number, run: string): Promise<Cost> {
  const { database } = world;
  const server = await world.serve({ thoughtTokens: THOUGHT_TOKENS });
  const folder = world.make(run);
  const settings = {
    ...BENCH_E_STEP,
    maxThoughtTokens: 128,
    chunksInFlight: CONCURRENCY / 4,
    shardDocuments: Math.ceil(documents / 8),
  };
  const prepare = async (name: string): Promise<Awaited<ReturnType<typeof planBench>>> => {
    const planned = await planBench(database, name, 'e-step', settings);
    await listServers(database, name, [server.url], SERVED_NAME);
    return planned;
  };
  try {
    const record = join(folder, 'record.jsonl');
    const recording = await prepare(`${run}-record`);
    await world.sample({ shards: recording.shards.slice(0, 1), atOnce: 1, scoring: 'server', record });
    const bodies = writeBodies(folder, record, 'all');

    const plan = await prepare(run);
    await database.query('checkpoint');
    const walBefore = await wal(world);
    const postgresBefore = processorSeconds(world.postgres.pid);
    await server.reset();
    const report = await world.sample({ shards: plan.shards, atOnce: 4, scoring: 'server' });
    const stats = await server.stats();
    const postgres = processorSeconds(world.postgres.pid) - postgresBefore;
    const { rows } = await database.query<{ bytes: number }>(
      `select pg_total_relation_size('chunk_results_${plan.eStep}') + pg_total_relation_size('thoughts_${plan.eStep}') as bytes`,
    );
    const walBytes = (await wal(world)) - walBefore;
    const url = `${server.url}/v1/completions`;
    const bare = await runBareClient(world, {
      url,
      bodies: bodies.file,
      requests: 2 * plan.chunks,
      concurrency: CONCURRENCY,
    });
    const two = await prepare(`${run}-two`);
    const both = await Promise.all(
      [0, 1].map((index) =>
        world.sample({ shards: two.shards.filter((_, at) => at % 2 === index), atOnce: 2, scoring: 'server' }),
      ),
    );
    const each = (value: number): number => value / plan.chunks;
    return {
      chunksPerSecond: plan.chunks / report.seconds,
      bareChunksPerSecond: plan.chunks / bare.seconds,
      twoSamplersChunksPerSecond: plan.chunks / Math.max(...both.map(({ seconds }) => seconds)),
      samplerMs: each(report.cpu * 1_000),
      bareMs: each(bare.cpu * 1_000),
      postgresMs: each(postgres * 1_000),
      serverMs: each(stats.cpu * 1_000),
      sentBytes: each(stats.bytesIn),
      receivedBytes: each(stats.bytesOut),
      storedBytes: each(rows[0]?.bytes ?? 0),
      walBytes: each(walBytes),
      peakMemory: report.peakMemory,
    };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function wal({ database }: World): Promise<number> {
  const { rows } = await database.query<{ bytes: number }>(`select (pg_current_wal_lsn() - '0/0')::bigint as bytes`);
  return rows[0]?.bytes ?? 0;
}
