import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InjectedFault } from '../drive.ts';
import { faultEntry, MOST_SPOILED } from '../faults.ts';
import { SAMPLERS, SHARDS_AT_ONCE, type World } from '../world.ts';
import { invariant, type Invariant } from './invariant.ts';

/** Requests that sampled, against those that the chunks in the store needed. */
export interface RequestCount {
  readonly served: number;
  readonly needed: number;
  /** Most that may have been served in vain. */
  readonly allowed: number;
}

/**
 * Sampling requests that the toy servers answered, from their journals, which outlive them.
 *
 * A fault throws away at most what was in flight: requests at servers, and outcomes in the group that was being written.
 * Each is a chunk under way, of which a sampler has `shards × chunks in flight` at the most. How far a fault reaches is
 * said in faults.ts; what a spoiled answer takes with it is all that was at its server, since nothing of a server that
 * answers wrongly is taken before it is admitted anew.
 *
 * @param chunksInFlight of one shard (recipe)
 * @param samples K of the loop and of each arm: tells sampling requests from the evaluation's
 */
export async function requestCount(
  { database, files }: World,
  run: string,
  injected: readonly InjectedFault[],
  chunksInFlight: number,
  samples: readonly number[],
): Promise<RequestCount> {
  const wanted = new Set(samples.map(String));
  const served = readdirSync(files.journals)
    .filter((name) => name.startsWith(`${run}.`))
    .flatMap((name) => readFileSync(join(files.journals, name), 'utf8').split('\n'))
    .filter((line) => wanted.has(line)).length;
  const { rows } = await database.query<{ needed: number }>(
    'select coalesce(sum(rounds), 0)::int as needed from chunk_results join e_steps using (e_step) where run = $1',
    [run],
  );
  const worker = SHARDS_AT_ONCE * chunksInFlight;
  const most = { nothing: 0, requests: MOST_SPOILED + worker, worker, all: SAMPLERS * worker };
  const allowed = injected.reduce((sum, { kind }) => sum + most[faultEntry(kind).costs], 0);
  return { served, needed: rows[0]?.needed ?? 0, allowed };
}

export function requestInvariant({ served, needed, allowed }: RequestCount): Invariant {
  const wasted = served - needed;
  return invariant(
    'no more requests were served in vain than were in flight at the faults',
    `${served} served, ${needed} needed, ${wasted} in vain, ${allowed} in flight at most`,
    wasted > allowed ? [`${wasted} served in vain, at most ${allowed} were in flight`] : [],
  );
}
