import { MAIN_ARM, type Place } from '../../workflows/contract/ids.ts';
import { SAMPLING_PATHS } from '../../workflows/contract/recipe.ts';
import type { EStepRef, EStepSummary } from '../../workflows/contract/references.ts';
import type { CorpusSplit } from './corpora.ts';
import { bumpRevision } from './identity.ts';
import { rowsOfRun } from './lineage.ts';
import { longStatement, withTransaction, type Database, type Queryable } from './pool.ts';

/** What an E-step is of; a place has one E-step, and these never change. */
export interface EStepIdentity {
  readonly place: Place;
  readonly corpus: CorpusSplit;
  /** Key of the segmentation. */
  readonly segmentation: string;
  /** Digest of the checkpoint that samples. */
  readonly checkpoint: string;
  /** K. */
  readonly samples: number;
}

/** An E-step as the store has it. */
export interface EStepRow {
  readonly eStep: number;
  readonly iteration: number;
  readonly corpus: number;
  readonly split: string;
  readonly segmentation: string;
  readonly checkpoint: string;
  readonly samples: number;
  readonly documents: number;
  readonly chunks: number;
  readonly finished: boolean;
  readonly summary: (EStepSummary & { readonly kept?: KeptCandidates }) | null;
}

/** Which candidates are in the store after the E-step was finished. */
export type KeptCandidates = 'all' | 'selected';

const COLUMNS = `e_step as "eStep", iteration, corpus, split, segmentation, checkpoint, samples, documents, chunks,
  finished_at is not null as finished, summary`;

/**
 * Writes an E-step with its partitions and shards, all or nothing; where the place has one already, nothing is written.
 * The split's documents must be cut under the segmentation.
 *
 * @param shardDocuments documents a shard
 * @returns the place's E-step, which the caller compares with what it asked for
 */
export async function writeEStep(
  database: Database,
  { place, corpus, segmentation, checkpoint, samples }: EStepIdentity,
  shardDocuments: number,
): Promise<EStepRow> {
  return withTransaction(database, async (connection) => {
    const { rows } = await connection.query<{ eStep: number }>(
      `insert into e_steps (run, arm, iteration, corpus, split, segmentation, checkpoint, samples, documents, chunks)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0) on conflict (run, arm, iteration) do nothing
       returning e_step as "eStep"`,
      [
        place.run,
        place.arm,
        place.iteration,
        corpus.corpus,
        corpus.split,
        segmentation,
        checkpoint,
        samples,
        corpus.documents,
      ],
    );
    const [created] = rows;
    if (created !== undefined) {
      await createPartitions(connection, created.eStep);
      await connection.query(
        longStatement(
          `insert into shards (e_step, shard, first_document, last_document, chunks)
           select $1, ordinal / $5, min(ordinal), max(ordinal) + 1, sum(cardinality(ends))
           from cuts where corpus = $2 and split = $3 and segmentation = $4 and ordinal < $6 group by ordinal / $5`,
          [created.eStep, corpus.corpus, corpus.split, segmentation, shardDocuments, corpus.documents],
        ),
      );
      await connection.query(
        `update e_steps set chunks = (select sum(chunks) from shards where e_step = $1) where e_step = $1`,
        [created.eStep],
      );
      await bumpRevision(connection);
    }
    const row = await findEStepAt(connection, place);
    if (row === null) throw new Error(`Expected an E-step of ${place.run}, iteration ${place.iteration}, found none`);
    return row;
  });
}

/**
 * The E-step's own partitions of `chunk_results` and `thoughts`. Made beside the parents and then attached: `partition of`
 * would lock the parents against every other E-step's writers and readers.
 */
async function createPartitions(database: Queryable, eStep: number): Promise<void> {
  for (const table of ['chunk_results', 'thoughts']) {
    await database.query(`create table ${table}_${eStep} (like ${table} including all)`);
    await database.query(`alter table ${table} attach partition ${table}_${eStep} for values in (${eStep})`);
  }
}

/** The E-step of a place, or null. */
export async function findEStepAt(database: Queryable, { run, arm, iteration }: Place): Promise<EStepRow | null> {
  const { rows } = await database.query<EStepRow>(
    `select ${COLUMNS} from e_steps where run = $1 and arm = $2 and iteration = $3`,
    [run, arm, iteration],
  );
  return rows[0] ?? null;
}

/**
 * The EM loop's E-step of an iteration of a run, its own or one that it shares with the run it was forked from, where
 * that sampled as this run's recipe says; null where there is none, or its thoughts are of other settings.
 */
export async function findLoopEStep(
  database: Queryable,
  { run, iteration }: Pick<Place, 'run' | 'iteration'>,
): Promise<EStepRow | null> {
  const { rows } = await database.query<EStepRow>(
    `select ${COLUMNS} from ${rowsOfRun('e_steps')} e
      where arm = $2 and iteration = $3 and not exists (
        select from unnest($4::text[]) as path, runs sampled, runs asking
         where sampled.run = e.run and asking.run = $1
           and sampled.recipe #> string_to_array(path, '.') is distinct from asking.recipe #> string_to_array(path, '.'))`,
    [run, MAIN_ARM, iteration, SAMPLING_PATHS],
  );
  return rows[0] ?? null;
}

/** An E-step by its number, or null. */
export async function readEStep(database: Queryable, eStep: number): Promise<EStepRow | null> {
  const { rows } = await database.query<EStepRow>(`select ${COLUMNS} from e_steps where e_step = $1`, [eStep]);
  return rows[0] ?? null;
}

/** The reference that workflows carry. */
export async function eStepRef(database: Queryable, { eStep, chunks, documents }: EStepRow): Promise<EStepRef> {
  const { rows } = await database.query<{ shards: number; open: number }>(
    `select count(*) as shards, count(*) filter (where finished_at is null) as open from shards where e_step = $1`,
    [eStep],
  );
  return { eStep, shards: rows[0]?.shards ?? 0, open: rows[0]?.open ?? 0, chunks, documents };
}

/** What an E-step has come to so far. */
export interface EStepTotals extends EStepSummary {
  /** Shards that are not finished. */
  readonly openShards: number;
}

/**
 * Adds an E-step up over its shards, chunks and thoughts. Tokens and requests are those that the shards counted, before
 * losers were dropped; rounds whose thoughts were thrown away are in the requests, not in the tokens. Means are 0 where no chunk has a selected thought.
 */
export async function addUpEStep(database: Queryable, eStep: number): Promise<EStepTotals> {
  const { rows } = await database.query<EStepTotals>(
    longStatement(
      `with shard_totals as (
       select count(*) filter (where finished_at is null) as "openShards",
         coalesce(sum((counts->>'sampledTokens')::bigint), 0)::bigint as "sampledTokens",
         coalesce(sum((counts->>'scoredTokens')::bigint), 0)::bigint as "scoredTokens",
         coalesce(sum((counts->>'requests')::bigint), 0)::bigint as requests,
         coalesce(max(finished_at), now()) as ended
       from shards where e_step = $1
     ), chunk_totals as (
       select count(*) as chunks, count(selected) as selected, count(rejection) as rejected,
         coalesce(avg(ess), 0)::float8 as "essMean",
         coalesce(avg(elbo[cardinality(elbo)]), 0)::float8 as "elboMean"
       from chunk_results where e_step = $1
     ), thought_totals as (
       select coalesce(avg(cardinality(token_ids) + 1), 0)::float8 as "thoughtTokensMean"
       from thoughts where e_step = $1 and selected
     )
     select chunk_totals.*, thought_totals.*, "openShards", "sampledTokens", "scoredTokens", requests,
       extract(epoch from ended - e_steps.created_at)::float8 as seconds
     from shard_totals, chunk_totals, thought_totals, e_steps where e_steps.e_step = $1`,
      [eStep],
    ),
  );
  const [totals] = rows;
  if (totals === undefined) throw new Error(`Expected E-step ${eStep} in the store, found none`);
  return totals;
}

/** Rejected chunks by reason, the most frequent first. */
export async function countRejections(
  database: Queryable,
  eStep: number,
): Promise<{ readonly reason: string; readonly chunks: number }[]> {
  const { rows } = await database.query<{ reason: string; chunks: number }>(
    longStatement(
      `select rejection as reason, count(*) as chunks from chunk_results
     where e_step = $1 and rejection is not null group by rejection order by chunks desc, reason`,
      [eStep],
    ),
  );
  return rows;
}

/**
 * Takes rejections of the given reasons back and opens their shards again, so that these chunks are sampled once more.
 * Whoever still holds one of these shards loses it: it would take the chunks for done.
 */
export async function reopenRejected(database: Queryable, eStep: number, reasons: readonly string[]): Promise<void> {
  await database.query(
    longStatement(
      `with dropped as (
       delete from chunk_results using shards
       where chunk_results.e_step = $1 and shards.e_step = $1 and rejection = any($2::text[])
         and document >= first_document and document < last_document
       returning shards.shard
     )
     update shards set finished_at = null, counts = null, lease = lease + 1
     where e_step = $1 and shard in (select shard from dropped)`,
      [eStep, reasons],
    ),
  );
}

/** Closes an E-step with its summary and, where only selected candidates are kept, drops the others. */
export async function closeEStep(
  database: Database,
  eStep: number,
  summary: EStepSummary,
  kept: KeptCandidates,
): Promise<void> {
  await withTransaction(database, async (connection) => {
    await connection.query(
      `update e_steps set summary = $2, finished_at = coalesce(finished_at, now()) where e_step = $1`,
      [eStep, JSON.stringify({ ...summary, kept })],
    );
    if (kept === 'selected') {
      await connection.query(longStatement('delete from thoughts where e_step = $1 and not selected', [eStep]));
    }
    await bumpRevision(connection);
  });
}
