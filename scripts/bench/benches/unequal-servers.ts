import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import type { BenchResult } from '../figure.ts';
import type { SamplerReport } from '../programs/sampler.ts';
import type { FleetLook, FleetSettings } from '../programs/simulated-fleet.ts';
import { program, SERVED_NAME, World } from '../world.ts';

/**
 * How well 32 servers are used that differ fourfold in speed and in room, whose KV caches preempt, and of which some are
 * taken away and come back: work that came to its end over the work that all could have done while they were up, from the
 * start until 98 % of the work is done. The rest is the tail.
 */
export const unequalServers: Bench = {
  what: 'utilisation of 32 simulated unequal servers with preemptions, and the length of the tail',
  run: measure,
};

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const world = await World.start();
  const servers = quick ? 4 : 32;
  const documents = quick ? 40 : 5_000;
  try {
    const { database } = world;
    await makeCorpus(database, 'servers', { documents, chunks: 4, letters: 64 });
    // Shards of many times what is under way, as they are in production: their own tails then count for little.
    const settings = { ...BENCH_E_STEP, chunksInFlight: quick ? 10 : 50, shardDocuments: Math.ceil(documents / 16) };
    const plan = await planBench(database, 'servers', 'servers', settings);
    const fleetSettings: FleetSettings = {
      model: world.model,
      servedName: SERVED_NAME,
      servers,
      tokenMs: quick ? 10 : 250,
      taken: quick ? 1 : 4,
      takenEveryMs: quick ? 1_000 : 10_000,
    };
    const fleet = world.node(program('./programs/simulated-fleet.ts'), fleetSettings);
    const { urls } = await fleet.next<{ urls: string[] }>();
    await listServers(database, 'servers', urls, SERVED_NAME);
    const sampler = await world.sampler({ shards: plan.shards, atOnce: 8, scoring: 'server' });
    let report: SamplerReport | undefined;
    const ended = sampler.next<SamplerReport>().then((found) => (report = found));
    const looks: FleetLook[] = [];
    let listed = urls.length;
    while (report === undefined) {
      const look = await fleet.next<FleetLook>();
      looks.push(look);
      if (look.up.length === listed) continue;
      // As the supervisors of these servers would.
      listed = look.up.length;
      await database.query(
        `update servers set state = case when url = any($1) then 'ready' else 'gone' end where fleet = 'servers/fleet'`,
        [look.up],
      );
    }
    await ended;
    const last = looks.at(-1);
    if (last === undefined) throw new Error('Expected looks at the fleet, found none');
    const full = looks.find(({ useful }) => useful >= 0.98 * last.useful) ?? last;
    const tail = last.at - full.at;
    tell(`  ${looks.length} looks, ${last.preemptions} preemptions in caches, tail ${tail.toFixed(1)} s`);
    return {
      figures: [
        {
          name: 'utilisation',
          value: full.useful / full.possible,
          unit: 'share',
          of: 'finished work over the work that all servers could do while they were up, until 98 % of it is done',
          target: { atLeast: 0.97 },
        },
        {
          name: 'tail',
          value: tail / last.at,
          unit: 'share',
          of: 'time of the last 2 % of the work over the whole time',
        },
      ],
      measured: { servers, chunks: plan.chunks, seconds: last.at, tailSeconds: tail, last, report },
    };
  } finally {
    await world.stop();
  }
}
