import type { SamplingCounts } from '../../workflows/contract/references.ts';
import { failure } from '../failure.ts';
import type { Database, Queryable } from './pool.ts';

/** A shard as held by one worker. `lease` is the fence: it rises with every claim. */
export interface ShardClaim {
  readonly eStep: number;
  readonly shard: number;
  readonly lease: number;
  readonly corpus: number;
  readonly split: string;
  /** Digest of the segmentation whose cuts are meant. */
  readonly segmentation: string;
  readonly firstDocument: number;
  /** Exclusive. */
  readonly lastDocument: number;
  readonly chunks: number;
  /** Set when the shard was finished before. */
  readonly counts: SamplingCounts | null;
}

/**
 * Takes a shard over from whoever held it. Waits for a write of theirs that is under way; all later ones are refused.
 *
 * @param holder who claims, for people
 * @throws failure StoreBehind when there is no such shard
 */
export async function claimShard(
  database: Database,
  eStep: number,
  shard: number,
  holder: string,
): Promise<ShardClaim> {
  const { rows } = await database.query<Omit<ShardClaim, 'eStep' | 'shard'>>(
    `update shards set lease = lease + 1, holder = $3, claimed_at = now()
     from e_steps
     where shards.e_step = $1 and shards.shard = $2 and e_steps.e_step = shards.e_step
     returning shards.lease, e_steps.corpus, e_steps.split, e_steps.segmentation,
       shards.first_document as "firstDocument", shards.last_document as "lastDocument", shards.chunks,
       case when shards.finished_at is null then null else shards.counts end as counts`,
    [eStep, shard, holder],
  );
  const [claimed] = rows;
  if (claimed === undefined) {
    throw failure(
      'StoreBehind',
      `Expected shard ${shard} of E-step ${eStep} to be planned, found none: the store lost it. Restore a newer backup, ` +
        'or cancel the run and start it again',
    );
  }
  return { eStep, shard, ...claimed };
}

/**
 * Makes sure, within a transaction that writes of the shard, that the claim still holds until it commits, and notes when
 * that was.
 * @throws failure LeaseLost when another worker has claimed the shard
 */
export async function holdLease(connection: Queryable, { eStep, shard, lease }: ShardClaim): Promise<void> {
  const held = await connection.query(
    'update shards set written_at = now() where e_step = $1 and shard = $2 and lease = $3',
    [eStep, shard, lease],
  );
  if (held.rowCount !== 1) {
    throw failure(
      'LeaseLost',
      `Expected to hold shard ${shard} of E-step ${eStep}, found it claimed by another worker`,
    );
  }
}

/**
 * Closes a shard whose chunks are all durable, and adds them up from the store, so that the counts do not depend on how
 * often it was begun.
 *
 * @throws failure LeaseLost when another worker has claimed the shard
 */
export async function finishShard(database: Database, claim: ShardClaim): Promise<SamplingCounts> {
  const { rows } = await database.query<{ counts: SamplingCounts }>(
    `with chunks as (
       select count(*)::int as chunks, count(selected)::int as selected, count(rejection)::int as rejected,
         coalesce(sum(scored_tokens), 0)::bigint as scored, coalesce(sum(rounds + (selected is not null)::int), 0)::bigint as requests
       from chunk_results where e_step = $1 and document >= $4 and document < $5
     ), samples as (
       select coalesce(sum(cardinality(token_ids) + (finish <> 'length')::int), 0)::bigint as sampled
       from thoughts where e_step = $1 and document >= $4 and document < $5
     )
     update shards set finished_at = now(), counts = jsonb_build_object(
       'chunks', chunks.chunks, 'selected', chunks.selected, 'rejected', chunks.rejected,
       'sampledTokens', samples.sampled, 'scoredTokens', chunks.scored, 'requests', chunks.requests)
     from chunks, samples
     where shards.e_step = $1 and shards.shard = $2 and shards.lease = $3
     returning shards.counts`,
    [claim.eStep, claim.shard, claim.lease, claim.firstDocument, claim.lastDocument],
  );
  const [finished] = rows;
  if (finished === undefined) {
    throw failure(
      'LeaseLost',
      `Expected to hold shard ${claim.shard} of E-step ${claim.eStep}, found it claimed by another worker`,
    );
  }
  return finished.counts;
}
