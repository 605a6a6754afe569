import { join } from 'node:path';
import { runBareClient, writeBodies } from '../bare-load.ts';
import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import { repeated, type BenchResult } from '../figure.ts';
import type { SamplerReport } from '../programs/sampler.ts';
import { makeSmallModel, startVllm } from '../real-server.ts';
import { SERVED_NAME, World } from '../world.ts';

/**
 * The loop on a real vLLM server (CPU, a random model of 11 M parameters) beside a bare client that sends the very same
 * requests to the same server with as many under way and throws the answers away. Seeds are the same, so the tokens are:
 * tokens/s over tokens/s is the time of one over that of the other. Unfinished thoughts are kept (`released`), since a
 * random model hardly ever ends one.
 */
export const realVllm: Bench = {
  what: 'tokens/s through the loop over tokens/s of a bare client, on a real vLLM server',
  run: measure,
};

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const documents = quick ? 16 : 400;
  const concurrency = quick ? 8 : 32;
  const world = await World.start();
  try {
    const { database } = world;
    const checkpoint = makeSmallModel(world);
    tell('  starting vLLM');
    const url = await startVllm(world, checkpoint, SERVED_NAME);
    await makeCorpus(database, 'vllm', { documents, chunks: 1, letters: 40 });
    const settings = {
      ...BENCH_E_STEP,
      maxThoughtTokens: 16,
      chunksInFlight: concurrency / 4,
      shardDocuments: documents / (quick ? 4 : 16),
    };
    const loop = async (run: string, record?: string): Promise<SamplerReport> => {
      const plan = await planBench(database, run, 'vllm', settings, { checkpoint, fidelity: 'released' });
      await listServers(database, run, [url], SERVED_NAME);
      const shards = plan.shards;
      return world.sample({ shards, atOnce: 4, scoring: 'server', ...(record === undefined ? {} : { record }) });
    };
    // Its requests are recorded, and it warms the server up.
    const record = join(world.folder, 'record.jsonl');
    await loop('vllm-record', record);
    const bodies = writeBodies(world.folder, record, 'all');
    const rounds: { loop: number; bare: number; tokens: number }[] = [];
    for (let repetition = 0; repetition < (quick ? 1 : 3); repetition += 1) {
      const report = await loop(`vllm-${repetition}`);
      const bare = await runBareClient(world, {
        url: `${url}/v1/completions`,
        bodies: bodies.file,
        requests: bodies.count,
        concurrency,
      });
      rounds.push({ loop: report.seconds, bare: bare.seconds, tokens: report.sampledTokens });
      tell(`  loop ${report.seconds.toFixed(1)} s, bare client ${bare.seconds.toFixed(1)} s`);
    }
    return {
      figures: [
        repeated(
          rounds.map((round) => round.bare / round.loop),
          {
            name: 'loop over the bare client on vLLM',
            unit: '×',
            of: `tokens/s over tokens/s: the same ${bodies.count} requests, ${concurrency} under way`,
            target: { atLeast: 0.97 },
          },
        ),
      ],
      measured: { requests: bodies.count, concurrency, seconds: rounds },
    };
  } finally {
    await world.stop();
  }
}
