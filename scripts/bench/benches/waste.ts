import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import type { BenchResult, Figure } from '../figure.ts';
import { SERVED_NAME, World } from '../world.ts';

/**
 * What a killed sampler costs: requests that the server began beyond those that one pass needs, when the sampler is killed
 * (SIGKILL) in the middle and another one finishes. A chunk under way has a request at the server, or an answer that was not
 * read yet, or waits for its write; so what may be lost is what is in flight and what one write takes in.
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
          value: found.waste / (found.inFlight + found.largestWrite),
          unit: '×',
          of: 'sampling requests beyond the needed, over the requests that the kill cut off and one write’s worth of chunks',
          target: { atMost: 1 },
        },
        {
          name: `waste at ${latencyMs} ms, of what may be under way`,
          value: found.waste / (concurrency + found.largestWrite),
          unit: '×',
          of: `the same over ${concurrency} chunks under way, whose answers may lie unread, and one write’s worth of them`,
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
  /** The most chunks that became durable at once. */
  readonly largestWrite: number;
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
  while ((await durable()) < chunks * 0.4) await sleep(20);
  await world.end(victim, 'SIGKILL');
  const kept = await durable();
  await world.sample(load);
  const stats = await server.stats();
  // Rows of one transaction have its number in common.
  const { rows } = await database.query<{ largest: number }>(
    `select max(count) as largest from (select count(*) from chunk_results where e_step = $1 group by xmin::text) as writes`,
    [plan.eStep],
  );
  await server.stop();
  const largestWrite = rows[0]?.largest ?? 0;
  // Admission scores the fingerprint's two sequences together and one by one: three times a sampler.
  const admissionScores = 2 * 3;
  return {
    waste: stats.sample - chunks,
    inFlight: stats.lost,
    largestWrite,
    durable: kept,
    wastedScores: stats.score - admissionScores - chunks,
  };
}
