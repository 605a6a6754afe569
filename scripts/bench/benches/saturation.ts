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

async function measure({ quick }: BenchContext): Promise<BenchResult> {
  const concurrency = quick ? 40 : 500;
  const chunks = quick ? 200 : 6_000;
  const latencyMs = quick ? 100 : 2_000;
  const world = await World.start();
  try {
    await makeCorpus(world.database, 'saturation', { documents: chunks, chunks: 1, letters: 64 });
    const settings = { ...BENCH_E_STEP, chunksInFlight: concurrency / 4, shardDocuments: chunks / 8 };
    const plan = await planBench(world.database, 'saturation', 'saturation', settings);
    const server = await world.serve({ latencyMs });
    await listServers(world.database, 'saturation', [server.url], SERVED_NAME);
    const sampler = await world.sampler({ shards: plan.shards, atOnce: 4, scoring: 'server' });
    const report = await sampler.next();
    const stats = await server.stats();
    const { first, lastSample } = stats;
    if (first === null || lastSample === null) throw new Error('Expected requests at the server, found none');
    const inFlight = lastSample.area / (lastSample.at - first);
    return {
      figures: [
        {
          name: 'saturation',
          value: inFlight / concurrency,
          unit: 'share',
          of: `requests in flight, on average from first to last sampling request, over ${concurrency} chunks under way`,
          target: { atLeast: 0.98 },
        },
      ],
      measured: { latencyMs, concurrency, inFlight, peak: stats.peak, seconds: lastSample.at - first, report },
    };
  } finally {
    await world.stop();
  }
}
