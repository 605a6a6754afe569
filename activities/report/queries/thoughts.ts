import type { Place } from '../../../workflows/contract/ids.ts';
import { rowsOfRun } from '../../store/lineage.ts';
import type { Queryable } from '../../store/pool.ts';

/** One of a chunk's K candidates. */
export interface CandidateLine {
  readonly candidate: number;
  readonly text: string;
  /** Nats. */
  readonly logQ: number;
  readonly logP: number | null;
  readonly finish: string;
  readonly selected: boolean;
}

/** A chunk with what was thought of it. */
export interface ThoughtChunk {
  readonly document: number;
  readonly chunk: number;
  /** Raw text before the document, '' where there is none. */
  readonly context: string;
  readonly text: string;
  readonly rejection: string | null;
  readonly ess: number | null;
  /** elbo_K, nats. */
  readonly elbo: number | null;
  readonly candidates: readonly CandidateLine[];
}

/** Which chunks are wanted. `spread`: evenly over the documents; `peaked`: one candidate takes all the weight; `rejected`. */
export type ThoughtSelection = 'spread' | 'peaked' | 'rejected';

const ORDER: Record<ThoughtSelection, string> = {
  // A hash of the place: looks random, and is the same chunks every time.
  spread: "md5(r.document::text || '/' || r.chunk)",
  peaked: 'r.ess, r.document, r.chunk',
  rejected: 'r.document, r.chunk',
};

/** Chunks that are looked at for a selection: a random part of a large E-step shows as much and is read at once. */
const LOOKED_AT = 20_000;

/**
 * Chunks of a place's E-step with all their stored candidates. The sampling of an arm that shares the EM loop's
 * thoughts is the EM loop's; that of an iteration that a fork shares is its source's.
 *
 * @param count chunks at most
 */
export async function thoughtChunks(
  database: Queryable,
  place: Place,
  selection: ThoughtSelection,
  count: number,
): Promise<ThoughtChunk[]> {
  const { rows } = await database.query<ThoughtChunk>(
    `with step as (
       select * from ${rowsOfRun('e_steps')} e where iteration = $3 and arm in ($2, 'latent')
        order by arm = $2 desc limit 1
     ),
     looked_at as (
       select r.* from step join chunk_results r using (e_step)
        where (r.rejection is not null) = $4 limit ${LOOKED_AT}
     ),
     chosen as (select r.* from looked_at r order by ${ORDER[selection]} limit $5)
     select c.document, c.chunk, c.rejection, c.ess, c.elbo[array_length(c.elbo, 1)] as elbo,
       coalesce(d.context, '') as context, d.text as "document_text", coalesce(d.given_ends, cuts.ends) as ends,
       coalesce((
         select json_agg(json_build_object('candidate', t.candidate, 'text', t.text, 'logQ', t.log_q, 'logP', t.log_p,
                  'finish', t.finish, 'selected', t.selected) order by t.candidate)
           from thoughts t where t.e_step = c.e_step and t.document = c.document and t.chunk = c.chunk
       ), '[]') as candidates
     from chosen c
       join step using (e_step)
       join documents d on d.corpus = step.corpus and d.split = step.split and d.ordinal = c.document
       left join cuts on cuts.corpus = step.corpus and cuts.split = step.split
         and cuts.segmentation = step.segmentation and cuts.ordinal = c.document
     order by ${ORDER[selection].replaceAll('r.', 'c.')}`,
    [place.run, place.arm, place.iteration, selection === 'rejected', count],
  );
  return rows.map((row) => chunkOf(row as unknown as StoredChunk));
}

interface StoredChunk extends Omit<ThoughtChunk, 'text'> {
  readonly document_text: string;
  readonly ends: readonly number[] | null;
}

function chunkOf({ document_text: document, ends, ...row }: StoredChunk): ThoughtChunk {
  const start = row.chunk === 0 ? 0 : (ends?.[row.chunk - 1] ?? 0);
  return { ...row, text: document.slice(start, ends?.[row.chunk] ?? document.length) };
}
