import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import type { BenchResult } from '../figure.ts';
import { SERVED_NAME, World } from '../world.ts';

/**
 * How full a sampler keeps a server whose answers take two seconds, sampling and scoring: requests in flight at the server,
 * on average from the first request to the last one that samples, over the chunks that may be under way. After that there
 * is less work than room.
 */
export const saturation: Bench = {
  what: 'requests in flight over the ideal, at 2 s latency and concurrency 500',
  run: measure,
};

const SHARDS = 8;

async function measure({ quick }: BenchContext): Promise<BenchResult> {
  const concurrency = quick ? 40 : 500;
  const chunks = quick ? 400 : 6_000;
  const latencyMs = quick ? 50 : 2_000;
  const world = await World.start();
  try {
    await makeCorpus(world.database, 'saturation', { documents: chunks, chunks: 1, letters: 64 });
    const one = await inFlight(world, { chunks, concurrency, latencyMs, processes: 1 });
    const two = await inFlight(world, { chunks, concurrency, latencyMs, processes: 2 });
    const of = `requests in flight, on average from first to last sampling request, over ${concurrency} chunks under way`;
    return {
      figures: [
        { name: 'saturation', value: one.inFlight / concurrency, unit: 'share', of, target: { atLeast: 0.98 } },
        { name: 'saturation by two sampler processes', value: two.inFlight / concurrency, unit: 'share', of },
      ],
      measured: { latencyMs, concurrency, one, two },
    };
  } finally {
    await world.stop();
  }
}

interface Load {
  readonly chunks: number;
  /** Chunks under way in all processes together. */
  readonly concurrency: number;
  readonly latencyMs: number;
  readonly processes: 1 | 2;
}

async function inFlight(
  world: World,
  { chunks, concurrency, latencyMs, processes }: Load,
): Promise<{ readonly inFlight: number; readonly peak: number; readonly seconds: number; readonly cpu: number }> {
  const run = `saturation-${processes}`;
  const settings = { ...BENCH_E_STEP, chunksInFlight: concurrency / 4, shardDocuments: chunks / SHARDS };
  const plan = await planBench(world.database, run, 'saturation', settings);
  const server = await world.serve({ latencyMs });
  await listServers(world.database, run, [server.url], SERVED_NAME);
  const reports = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      world.sample({
        shards: plan.shards.filter((_, at) => at % processes === index),
        atOnce: 4 / processes,
        scoring: 'server',
      }),
    ),
  );
  const { first, lastSample, peak } = await server.stats();
  await server.stop();
  if (first === null || lastSample === null) throw new Error('Expected requests at the server, found none');
  const seconds = lastSample.at - first;
  const cpu = reports.reduce((sum, report) => sum + report.cpu, 0);
  return { inFlight: lastSample.area / seconds, peak, seconds, cpu };
}
