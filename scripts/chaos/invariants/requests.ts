import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Queryable } from '../../../activities/store/pool.ts';
import type { InjectedFault } from '../drive.ts';
import { faultEntry } from '../faults.ts';
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
 * A fault throws away what was in flight: a request at a server, or its outcome in the group that was being written, is
 * one chunk under way, and no more than `samplers × shards × chunks in flight` chunks are under way at once. So each
 * fault that touches sampling costs as many requests at the most, and all others none.
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
  const underWay = SAMPLERS * SHARDS_AT_ONCE * chunksInFlight;
  const wasting = injected.filter(({ kind }) => faultEntry(kind).wastes).length;
  return { served, needed: rows[0]?.needed ?? 0, allowed: wasting * underWay };
}

export function requestInvariant({ served, needed, allowed }: RequestCount): Invariant {
  const wasted = served - needed;
  return invariant(
    'no more requests were served in vain than were in flight at the faults',
    `${served} served, ${needed} needed, ${wasted} in vain, ${allowed} in flight at most`,
    wasted > allowed ? [`${wasted} served in vain, at most ${allowed} were in flight`] : [],
  );
}
