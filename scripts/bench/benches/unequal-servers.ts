import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import type { BenchResult } from '../figure.ts';
import type { SamplerReport } from '../programs/sampler.ts';
import type { FleetLook, FleetSettings } from '../programs/simulated-fleet.ts';
import { program, SERVED_NAME, World } from '../world.ts';

/**
 * How well 32 servers are used that differ fourfold in speed and in room, whose KV caches preempt, and of which some are
 * taken away and come back: work done (that of sequences which were lost not) over the work that all could have done while
 * they were up, from the first server that takes work, the others' admission included, until 98 % of the work is done. The
 * rest is the tail.
 *
 * The sampler has three times as many chunks in hand as servers have room for, so that it is the windows that say how many
 * requests a server has, and shards of many times what is under way, as in production.
 */
export const unequalServers: Bench = {
  what: 'utilisation of 32 simulated unequal servers with preemptions, and the length of the tail',
  run: measure,
};

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const world = await World.start();
  const servers = quick ? 4 : 32;
  const documents = quick ? 40 : 10_000;
  try {
    const { database } = world;
    await makeCorpus(database, 'servers', { documents, chunks: 4, letters: 64 });
    const shards = quick ? 16 : 32;
    const settings = {
      ...BENCH_E_STEP,
      chunksInFlight: quick ? 10 : 250,
      shardDocuments: Math.ceil(documents / shards),
    };
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
    looks.push(await fleet.next<FleetLook>());
    const first = looks.findLast(({ samples }) => samples === 0);
    const last = looks.at(-1);
    if (first === undefined || last === undefined) throw new Error('Expected looks at the fleet, found none');
    const done = (look: FleetLook): number => look.worked - first.worked;
    const full = looks.find((look) => done(look) >= 0.98 * done(last)) ?? last;
    const tail = last.at - full.at;
    tell(`  ${looks.length} looks, ${last.preemptions} preemptions in caches, tail ${tail.toFixed(1)} s`);
    return {
      figures: [
        {
          name: 'utilisation',
          value: done(full) / (full.possible - first.possible),
          unit: 'share',
          of: 'work done over the work that all servers could do while they were up, until 98 % of it is done',
          target: { atLeast: 0.97 },
        },
        {
          name: 'tail',
          value: tail / (last.at - first.at),
          unit: 'share',
          of: 'time of the last 2 % of the work over the whole time',
        },
      ],
      measured: { servers, chunks: plan.chunks, seconds: last.at - first.at, tailSeconds: tail, last, report },
    };
  } finally {
    await world.stop();
  }
}
