import type { Queryable } from '../../../activities/store/pool.ts';
import { invariant, type Invariant } from './invariant.ts';

interface BrokenChunk {
  readonly place: string;
  readonly found: string;
}

const lines = (rows: readonly BrokenChunk[]): string[] => rows.map(({ place, found }) => `${place}: ${found}`);

/** Every chunk of every E-step of a run has one outcome, whole. From the store alone. */
export async function chunkInvariants(database: Queryable, run: string): Promise<Invariant[]> {
  const planned = await database.query<{ chunks: number }>(
    `select coalesce(sum(cardinality(cuts.ends)), 0)::int as chunks from e_steps e join cuts
       on cuts.corpus = e.corpus and cuts.split = e.split and cuts.segmentation = e.segmentation and ordinal < e.documents
      where run = $1`,
    [run],
  );
  const looked = `${planned.rows[0]?.chunks ?? 0} chunks`;

  const lost = await database.query<BrokenChunk>(
    `select format('%s/%s document %s chunk %s', arm, iteration, ordinal, at.chunk) as place, 'no outcome' as found
       from e_steps e join cuts
         on cuts.corpus = e.corpus and cuts.split = e.split and cuts.segmentation = e.segmentation and ordinal < e.documents
       cross join lateral generate_series(0, cardinality(cuts.ends) - 1) as at (chunk)
      where run = $1 and not exists (
        select from chunk_results r where r.e_step = e.e_step and r.document = ordinal and r.chunk = at.chunk)`,
    [run],
  );
  const halves = await database.query<BrokenChunk>(
    `with candidates as (
       select t.e_step, document, chunk, count(*) as rows, count(distinct candidate) as different,
              array_agg(candidate) filter (where selected) as chosen
         from thoughts t join e_steps using (e_step) where run = $1 group by 1, 2, 3)
     select format('%s/%s document %s chunk %s', e.arm, e.iteration, document, chunk) as place,
            format('%s candidates of %s, selected %s, result %s', coalesce(c.rows, 0), e.samples, c.chosen,
                   coalesce(r.selected::text, r.rejection, 'none')) as found
       from (select * from chunk_results join e_steps using (e_step) where run = $1) r
       full join candidates c using (e_step, document, chunk) join e_steps e using (e_step)
      where not case
        when r.e_step is null then false
        when r.rejection is not null then r.selected is null and c.rows is null
        else coalesce(c.rows = e.samples and c.different = e.samples and c.chosen = array[r.selected], false) end`,
    [run],
  );
  const open = await database.query<BrokenChunk>(
    `select format('%s/%s shard %s', arm, iteration, shard) as place, 'not finished' as found
       from shards join e_steps using (e_step) where run = $1 and shards.finished_at is null`,
    [run],
  );
  return [
    invariant('every chunk has one selected candidate or one rejection', looked, lines(lost.rows)),
    invariant('K candidates and one choice among them, or none', looked, lines(halves.rows)),
    invariant('every shard is finished', 'all shards', lines(open.rows)),
  ];
}
