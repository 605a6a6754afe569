import { createHash } from 'node:crypto';
import type { SegmentationSettings } from '../../workflows/contract/recipe.ts';
import type { DocumentRange } from '../../workflows/contract/references.ts';
import { arrayLiteral } from './copy.ts';
import type { CorpusSplit } from './corpora.ts';
import { longStatement, type Queryable } from './pool.ts';

/**
 * Key of a segmentation: the first 16 hex digits of the sha256 of its settings as JSON with sorted keys. Equal settings
 * share their cuts, over runs and whatever order a recipe names them in.
 */
export function segmentationKey(settings: SegmentationSettings): string {
  const canonical = JSON.stringify(Object.fromEntries(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1))));
  return createHash('sha256').update(canonical).digest('hex').slice(0, 16);
}

/** How many documents of each `size` of a split are cut: the number of the first `size`, the second, …; 0 where absent. */
export async function countCuts(
  database: Queryable,
  { corpus, split, documents }: CorpusSplit,
  key: string,
  size: number,
): Promise<Map<number, number>> {
  const { rows } = await database.query<{ range: number; cut: number }>(
    longStatement(
      `select ordinal / $5::integer as range, count(*) as cut from cuts
       where corpus = $1 and split = $2 and segmentation = $3 and ordinal < $4 group by range`,
      [corpus, split, key, documents, size],
    ),
  );
  return new Map(rows.map(({ range, cut }) => [range, cut]));
}

/** The first document from `from` up to `to` (exclusive) that is not cut; `to` when all are. */
export async function firstUncut(
  database: Queryable,
  { corpus, split }: CorpusSplit,
  key: string,
  { from, to }: DocumentRange,
): Promise<number> {
  const { rows } = await database.query<{ ordinal: number }>(
    `select ordinal from documents where corpus = $1 and split = $2 and ordinal >= $4 and ordinal < $5
     except select ordinal from cuts where corpus = $1 and split = $2 and segmentation = $3 and ordinal >= $4 and ordinal < $5
     order by ordinal limit 1`,
    [corpus, split, key, from, to],
  );
  return rows[0]?.ordinal ?? to;
}

/** Writes the cuts of documents with successive ordinals; those that another planner wrote meanwhile are the same. */
export async function writeCuts(
  database: Queryable,
  { corpus, split }: CorpusSplit,
  key: string,
  cuts: readonly { readonly ordinal: number; readonly ends: readonly number[] }[],
): Promise<void> {
  await database.query(
    `insert into cuts (corpus, split, segmentation, ordinal, ends)
     select $1, $2, $3, cut.ordinal, cut.ends::integer[] from unnest($4::integer[], $5::text[]) as cut (ordinal, ends)
     on conflict do nothing`,
    [corpus, split, key, cuts.map(({ ordinal }) => ordinal), cuts.map(({ ends }) => arrayLiteral(ends))],
  );
}

/** Cuts of documents from `first` up to `end` (exclusive): end offsets in UTF-16 code units by ordinal. */
export async function readCuts(
  database: Queryable,
  { corpus, split }: CorpusSplit,
  key: string,
  first: number,
  end: number,
): Promise<Map<number, number[]>> {
  const { rows } = await database.query<{ ordinal: number; ends: number[] }>(
    `select ordinal, ends from cuts
     where corpus = $1 and split = $2 and segmentation = $3 and ordinal >= $4 and ordinal < $5`,
    [corpus, split, key, first, end],
  );
  return new Map(rows.map(({ ordinal, ends }) => [ordinal, ends]));
}
