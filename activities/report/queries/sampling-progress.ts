import type { Place } from '../../../workflows/contract/ids.ts';
import type { Queryable } from '../../store/pool.ts';

/** How far the sampling of one place is. */
export interface SamplingProgress {
  readonly shards: number;
  readonly finishedShards: number;
  /** Shards that more than one worker has claimed: after a failure or a lost worker. */
  readonly claimedAgain: number;
  readonly chunks: number;
  readonly finishedChunks: number;
  /** Chunks a second over the last quarter of an hour of work; null before the first shard is finished. */
  readonly chunksPerSecond: number | null;
  /** Seconds to go at that rate; null when it is not known, 0 when all is done. */
  readonly secondsLeft: number | null;
}

/** Window over which the rate is taken: longer than a shard, shorter than a change of the fleet should be felt. */
const WINDOW_SECONDS = 900;

/** How far the E-step of a place is, or null when none is planned there. */
export async function samplingProgress(database: Queryable, place: Place): Promise<SamplingProgress | null> {
  const { rows } = await database.query<{
    shards: number;
    finishedShards: number;
    claimedAgain: number;
    chunks: number;
    finishedChunks: number;
    recentChunks: number;
    recentSeconds: number | null;
  }>(
    `with step as (select * from e_steps where run = $1 and arm = $2 and iteration = $3),
     ours as (select shards.* from shards join step using (e_step)),
     latest as (select coalesce((select finished_at from step), now()) as at),
     bounds as (
       select latest.at, greatest(latest.at - make_interval(secs => $4), min(ours.claimed_at)) as since
         from latest left join ours on true group by latest.at
     )
     select count(*) as shards,
       count(finished_at) as "finishedShards",
       count(*) filter (where lease > 1) as "claimedAgain",
       coalesce(sum(chunks), 0)::bigint as chunks,
       coalesce(sum(chunks) filter (where finished_at is not null), 0)::bigint as "finishedChunks",
       coalesce(sum(chunks) filter (where finished_at >= (select since from bounds)), 0)::bigint as "recentChunks",
       (select extract(epoch from at - since)::float8 from bounds) as "recentSeconds"
     from ours having exists (select from step)`,
    [place.run, place.arm, place.iteration, WINDOW_SECONDS],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { recentChunks, recentSeconds, ...progress } = row;
  const chunksPerSecond =
    recentChunks > 0 && recentSeconds !== null && recentSeconds > 0 ? recentChunks / recentSeconds : null;
  const left = progress.chunks - progress.finishedChunks;
  return {
    ...progress,
    chunksPerSecond,
    secondsLeft: left === 0 ? 0 : chunksPerSecond === null ? null : left / chunksPerSecond,
  };
}
