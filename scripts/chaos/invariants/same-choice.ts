import type { Queryable } from '../../../activities/store/pool.ts';
import { invariant, type Invariant } from './invariant.ts';

/** Least share of the chunks that must have equal candidates in both runs for the comparison to say something. */
const LEAST_SHARE = 0.9;

/** Where two runs sampled the same candidates for a chunk, they selected the same one. */
export async function sameChoiceInvariant(database: Queryable, run: string, calm: string): Promise<Invariant> {
  const { rows } = await database.query<{ place: string; same: boolean; equal: boolean }>(
    `with chosen as (
       select e.run, e.arm, e.iteration, document, chunk,
              array_agg(array_to_string(token_ids, ' ') || finish order by candidate) as candidates,
              min(candidate) filter (where selected) as selected
         from thoughts join e_steps e using (e_step) where run = any(array[$1, $2]) group by 1, 2, 3, 4, 5)
     select format('%s/%s document %s chunk %s', a.arm, a.iteration, a.document, a.chunk) as place,
            a.candidates = b.candidates as equal, a.selected = b.selected as same
       from (select * from chosen where run = $1) a
       join (select * from chosen where run = $2) b using (arm, iteration, document, chunk)`,
    [run, calm],
  );
  const equal = rows.filter((row) => row.equal);
  const broken = equal.filter((row) => !row.same).map(({ place }) => place);
  if (equal.length < LEAST_SHARE * rows.length || rows.length === 0) {
    broken.push(`only ${equal.length} of ${rows.length} chunks have equal candidates: nothing is shown`);
  }
  return invariant(
    'what was selected is what a run without faults selected',
    `${equal.length} of ${rows.length} chunks`,
    broken,
  );
}
