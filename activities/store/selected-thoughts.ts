import type { CandidateScore } from '../e-step/weights.ts';
import type { Queryable } from './pool.ts';

/** A thought that a chunk is trained with. */
export interface SelectedThought {
  readonly document: number;
  readonly chunk: number;
  readonly tokenIds: readonly number[];
}

/** The thoughts that the E-step selected for documents from `first` up to `end` (exclusive). */
export async function readSelectedThoughts(
  database: Queryable,
  eStep: number,
  first: number,
  end: number,
): Promise<SelectedThought[]> {
  const { rows } = await database.query<SelectedThought>(
    `select document, chunk, token_ids as "tokenIds" from thoughts
     where e_step = $1 and document >= $2 and document < $3 and selected`,
    [eStep, first, end],
  );
  return rows;
}

/** Scores of a chunk's first candidates, in the order they were drawn. */
export interface ChunkScores {
  readonly document: number;
  readonly chunk: number;
  readonly candidates: readonly CandidateScore[];
}

/** Scores of the first `samples` candidates of each chunk of documents from `first` up to `end` (exclusive). */
export async function readScores(
  database: Queryable,
  eStep: number,
  first: number,
  end: number,
  samples: number,
): Promise<ChunkScores[]> {
  const { rows } = await database.query<{
    document: number;
    chunk: number;
    logQ: number[];
    logP: (number | null)[];
  }>(
    `select document, chunk, array_agg(log_q order by candidate) as "logQ", array_agg(log_p order by candidate) as "logP"
     from thoughts where e_step = $1 and document >= $2 and document < $3 and candidate < $4
     group by document, chunk`,
    [eStep, first, end, samples],
  );
  return rows.map(({ document, chunk, logQ, logP }) => ({
    document,
    chunk,
    candidates: logQ.map((value, index) => {
      const joint = logP[index] ?? null;
      return joint === null ? null : { logQ: value, logP: joint };
    }),
  }));
}

/** Named candidates of an E-step. */
export async function readCandidates(
  database: Queryable,
  eStep: number,
  named: readonly { readonly document: number; readonly chunk: number; readonly candidate: number }[],
): Promise<SelectedThought[]> {
  const { rows } = await database.query<SelectedThought>(
    `select document, chunk, token_ids as "tokenIds"
     from thoughts join unnest($2::integer[], $3::smallint[], $4::smallint[]) as named (document, chunk, candidate)
       using (document, chunk, candidate)
     where e_step = $1`,
    [
      eStep,
      named.map(({ document }) => document),
      named.map(({ chunk }) => chunk),
      named.map(({ candidate }) => candidate),
    ],
  );
  return rows;
}
