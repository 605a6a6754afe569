import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import type { BenchResult, Figure } from '../figure.ts';
import { SERVED_NAME, World } from '../world.ts';

/**
 * What a killed sampler costs: requests that the server began beyond those that one pass needs, when the sampler is killed
 * (SIGKILL) in the middle and another one finishes. May be lost what is in flight (a request from its sending until its
 * answer is read) and what is finished within one write interval, in which every shard under way writes once.
 */
export const waste: Bench = {
  what: 'requests beyond the needed after a sampler is killed and another finishes, at 100 ms and 2 s',
  run: measure,
};

const CONCURRENCY = 500;

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const chunks = quick ? 400 : 4_000;
  const concurrency = quick ? 40 : CONCURRENCY;
  const world = await World.start();
  try {
    await makeCorpus(world.database, 'waste', { documents: chunks, chunks: 1, letters: 64 });
    const figures: Figure[] = [];
    const measured: Record<string, unknown> = {};
    for (const latencyMs of quick ? [50] : [100, 2_000]) {
      const found = await killed(world, chunks, concurrency, latencyMs);
      tell(`  ${latencyMs} ms: ${JSON.stringify(found)}`);
      measured[`${latencyMs} ms`] = found;
      figures.push(
        {
          name: `waste at ${latencyMs} ms`,
          value: found.waste / (found.inFlight + found.unread + found.write),
          unit: '×',
          of: 'sampling requests beyond the needed, over the requests in flight at the kill and the chunks of one write interval',
          target: { atMost: 1 },
        },
        {
          name: `waste at ${latencyMs} ms, of what may be under way`,
          value: found.waste / (concurrency + found.write),
          unit: '×',
          of: `the same over ${concurrency} chunks under way and those of one write interval`,
        },
      );
    }
    return { figures, measured: { concurrency, chunks, ...measured } };
  } finally {
    await world.stop();
  }
}

interface Waste {
  /** Sampling requests begun beyond one a chunk. */
  readonly waste: number;
  /** Requests at the server whose client was gone before their answer. */
  readonly inFlight: number;
  /** Answers that the server had sent and the client had not read. */
  readonly unread: number;
  /** Chunks of one write interval: the most that became durable at once, of each shard that the kill cut off. */
  readonly write: number;
  /** Chunks that were durable at the kill. */
  readonly durable: number;
  /** Scores are lost with their chunks: requests to score beyond one a chunk. */
  readonly wastedScores: number;
}

async function killed(world: World, chunks: number, concurrency: number, latencyMs: number): Promise<Waste> {
  const { database } = world;
  const run = `waste-${latencyMs}`;
  const settings = { ...BENCH_E_STEP, chunksInFlight: concurrency / 4, shardDocuments: chunks / 8 };
  const plan = await planBench(database, run, 'waste', settings);
  const server = await world.serve({ latencyMs });
  await listServers(database, run, [server.url], SERVED_NAME);
  const load = { shards: plan.shards, atOnce: 4, scoring: 'server' } as const;
  const durable = async (): Promise<number> => {
    const { rows } = await database.query<{ count: number }>('select count(*) from chunk_results where e_step = $1', [
      plan.eStep,
    ]);
    return rows[0]?.count ?? 0;
  };
  const victim = await world.sampler(load);
  // In the middle of the first shards, all of which are then under way.
  while ((await durable()) < chunks / 4) await sleep(20);
  await world.end(victim, 'SIGKILL');
  const kept = await durable();
  const { rows } = await database.query<{ writes: number }>(LARGEST_WRITES, [plan.eStep, settings.shardDocuments]);
  await world.sample(load);
  const stats = await server.stats();
  await server.stop();
  // Admission scores the fingerprint's two sequences together and one by one: three times a sampler.
  const admissionScores = 2 * 3;
  return {
    waste: stats.sample - chunks,
    inFlight: stats.lost,
    unread: stats.unread,
    write: rows[0]?.writes ?? 0,
    durable: kept,
    wastedScores: stats.score - admissionScores - chunks,
  };
}

/** Rows of one transaction have its number in common; a document has one chunk. */
const LARGEST_WRITES = `
  with writes as (
    select document / $2 as shard, count(*) as chunks from chunk_results where e_step = $1 group by shard, xmin::text
  ), shards as (
    select max(chunks) as largest from writes group by shard having sum(chunks) < $2
  )
  select coalesce(sum(largest), 0)::int as writes from shards`;
