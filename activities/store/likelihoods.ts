import { holdEvaluation } from './evaluations.ts';
import { withTransaction, type Database, type Queryable } from './pool.ts';

/** What was measured of one held-out document. */
export interface LikelihoodRow {
  /** Ordinal of the document in its split. */
  readonly document: number;
  /** Tokens of the document's text, its context left out. */
  readonly tokens: number;
  /** −log p of these, nats. */
  readonly nll: number;
  /** elbo_1 … elbo_K, nats, sums over the chunks; null where there is no bound. */
  readonly elbo: readonly number[] | null;
  readonly sampledTokens: number;
}

/**
 * Writes documents' figures in one transaction; a document that has its figures keeps them.
 * @throws LeaseLost when the evaluation is no longer open for this checkpoint
 */
export async function insertLikelihoods(
  database: Database,
  evaluation: string,
  checkpoint: string,
  rows: readonly LikelihoodRow[],
): Promise<void> {
  const values = rows.map(({ sampledTokens, ...row }) => ({ ...row, sampled_tokens: sampledTokens }));
  await withTransaction(database, async (connection) => {
    await holdEvaluation(connection, evaluation, checkpoint);
    await connection.query(
      `insert into likelihoods (evaluation, document, tokens, nll, elbo, sampled_tokens)
       select $1, document, tokens, nll, elbo, sampled_tokens
       from json_to_recordset($2) as row (document integer, tokens integer, nll double precision,
         elbo double precision[], sampled_tokens integer)
       on conflict do nothing`,
      [evaluation, JSON.stringify(values)],
    );
  });
}

/** The documents measured so far, in order. */
export async function likelihoods(database: Queryable, evaluation: string): Promise<readonly LikelihoodRow[]> {
  const { rows } = await database.query<LikelihoodRow>(
    `select document, tokens, nll, elbo, sampled_tokens as "sampledTokens"
     from likelihoods where evaluation = $1 order by document`,
    [evaluation],
  );
  return rows;
}
