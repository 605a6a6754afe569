import { holdEvaluation } from './evaluations.ts';
import { withTransaction, type Database, type Queryable } from './pool.ts';

/** One answered (or not askable) problem. */
export interface CompletionRow {
  /** Position of the problem in its file, from 0. */
  readonly problem: number;
  readonly promptTokens: number;
  /** Generated ids, with the token that ended them. */
  readonly tokenIds: readonly number[];
  readonly text: string;
  readonly finish: string;
  /** What the grader read out of the text. */
  readonly answer: string | null;
  readonly verdict: string;
}

/** What of a completion its evaluation's figures need. */
export interface CompletionOutcome {
  readonly problem: number;
  readonly finish: string;
  readonly verdict: string;
  /** Generated tokens. */
  readonly tokens: number;
}

/** PostgreSQL's text has no NUL; the ids keep what was generated. */
function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}

/**
 * Writes completions in one transaction. A problem that has one already keeps it: two attempts that overlap ask the same
 * greedy question.
 * @throws LeaseLost when the evaluation is no longer open for this checkpoint
 */
export async function insertCompletions(
  database: Database,
  evaluation: string,
  checkpoint: string,
  rows: readonly CompletionRow[],
): Promise<void> {
  const values = rows.map((row) => ({
    problem: row.problem,
    prompt_tokens: row.promptTokens,
    token_ids: row.tokenIds,
    text: storable(row.text),
    finish: row.finish,
    answer: row.answer === null ? null : storable(row.answer),
    verdict: row.verdict,
  }));
  await withTransaction(database, async (connection) => {
    await holdEvaluation(connection, evaluation, checkpoint);
    await connection.query(
      `insert into completions (evaluation, problem, sample, prompt_tokens, token_ids, text, finish, answer, verdict)
       select $1, problem, 0, prompt_tokens, token_ids, text, finish, answer, verdict
       from json_to_recordset($2) as row (problem integer, prompt_tokens integer, token_ids integer[], text text,
         finish text, answer text, verdict text)
       on conflict do nothing`,
      [evaluation, JSON.stringify(values)],
    );
  });
}

/** Outcomes of the completions that are there, by problem. */
export async function completionOutcomes(
  database: Queryable,
  evaluation: string,
): Promise<readonly CompletionOutcome[]> {
  const { rows } = await database.query<CompletionOutcome>(
    `select problem, finish, verdict, cardinality(token_ids) as tokens
     from completions where evaluation = $1 and verdict is not null order by problem`,
    [evaluation],
  );
  return rows;
}
