import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import type { BenchResult } from '../figure.ts';
import { SERVED_NAME, World } from '../world.ts';

/**
 * How full a sampler keeps a server whose answers take two seconds, sampling and scoring: slots that were at work over all
 * slots, from the first request to the last one that samples; after that there is less work than room. The server works on
 * as many sequences at once as 500 requests of K thoughts have and lets others wait, as vLLM does; the sampler learns from its
 * `/metrics` how many that are, and has twice as many chunks in hand, so that the next request waits for the slot and not
 * the slot for the request.
 *
 * Beside it a server that takes whatever comes, and no more chunks under way than requests shall be: what is in flight
 * then is short of that by the time in which answers are read and the next requests are made.
 */
export const saturation: Bench = {
  what: 'slots at work over all slots of a server with 500 requests in flight, at 2 s latency',
  run: measure,
};

const SHARDS = 8;
const SHARDS_AT_ONCE = 4;

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const concurrency = quick ? 40 : 500;
  const latencyMs = quick ? 50 : 2_000;
  const slots = concurrency * BENCH_E_STEP.samples;
  const world = await World.start();
  try {
    const long = { name: 'saturation-long', chunks: quick ? 800 : 12_000 };
    const short = { name: 'saturation-short', chunks: quick ? 400 : 6_000 };
    for (const { name, chunks } of [long, short]) {
      await makeCorpus(world.database, name, { documents: chunks, chunks: 1, letters: 64 });
    }
    const load = async (name: string, settings: Load): Promise<Found> => {
      const found = await sampled(world, name, settings);
      tell(`  ${name}: ${JSON.stringify(found)}`);
      return found;
    };
    const one = await load('one', { corpus: long, chunksUnderWay: 2 * concurrency, slots, latencyMs, processes: 1 });
    const two = await load('two', { corpus: short, chunksUnderWay: 2 * concurrency, slots, latencyMs, processes: 2 });
    const plain = await load('plain', { corpus: short, chunksUnderWay: concurrency, latencyMs, processes: 1 });
    const of = `slots at work, on average from first to last sampling request, over ${slots} slots, room for ${concurrency} requests`;
    return {
      figures: [
        { name: 'saturation', value: one.working / slots, unit: 'share', of, target: { atLeast: 0.98 } },
        { name: 'saturation by two sampler processes', value: two.working / slots, unit: 'share', of },
        {
          name: 'saturation by as many chunks',
          value: plain.inFlight / concurrency,
          unit: 'share',
          of: `requests in flight at a server without limit, on average likewise, over ${concurrency} chunks under way`,
        },
      ],
      measured: { latencyMs, concurrency, slots, one, two, plain },
    };
  } finally {
    await world.stop();
  }
}

interface Load {
  readonly corpus: { readonly name: string; readonly chunks: number };
  /** In all processes together. */
  readonly chunksUnderWay: number;
  /** Sequences that the server works on at once; no limit where absent. */
  readonly slots?: number;
  readonly latencyMs: number;
  readonly processes: 1 | 2;
}

interface Found {
  /** Requests at the server, on average. */
  readonly inFlight: number;
  /** Sequences that it worked on, on average. */
  readonly working: number;
  /** Most requests at once. */
  readonly peak: number;
  readonly seconds: number;
  /** Processor time of the samplers, seconds. */
  readonly cpu: number;
}

async function sampled(
  world: World,
  name: string,
  { corpus, chunksUnderWay, slots, latencyMs, processes }: Load,
): Promise<Found> {
  const run = `saturation-${name}`;
  const chunksInFlight = chunksUnderWay / SHARDS_AT_ONCE;
  const settings = { ...BENCH_E_STEP, chunksInFlight, shardDocuments: corpus.chunks / SHARDS };
  const plan = await planBench(world.database, run, corpus.name, settings);
  const server = await world.serve({ latencyMs, ...(slots === undefined ? {} : { slots }) });
  await listServers(world.database, run, [server.url], SERVED_NAME);
  const reports = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      world.sample({
        shards: plan.shards.filter((_, at) => at % processes === index),
        atOnce: SHARDS_AT_ONCE / processes,
        scoring: 'server',
      }),
    ),
  );
  const { first, lastSample, peak } = await server.stats();
  await server.stop();
  if (first === null || lastSample === null) throw new Error('Expected requests at the server, found none');
  const seconds = lastSample.at - first;
  const cpu = reports.reduce((sum, report) => sum + report.cpu, 0);
  return { inFlight: lastSample.area / seconds, working: lastSample.worked / seconds, peak, seconds, cpu };
}
