import type { QueryConfig, QueryResult } from 'pg';
import type { Database } from '../../activities/store/pool.ts';

/** What the server says of a statement that it ran. */
export interface Explained {
  readonly milliseconds: number;
  /** Pages of 8 kB of tables and indexes that were looked at, in memory or on the disk. */
  readonly pages: number;
}

/** Of `explain (analyze, buffers, format json)`: the top node's pages are those of the whole plan. */
interface Explanation {
  readonly 'QUERY PLAN': readonly [
    {
      readonly Plan: { readonly 'Shared Hit Blocks': number; readonly 'Shared Read Blocks': number };
      readonly 'Execution Time': number;
    },
  ];
}

/**
 * A database that explains every statement before it runs it: once for the plan, with what it changes taken back, and once
 * for its answer.
 */
export function explainedDatabase(database: Database, told: (explained: Explained) => void): Database {
  const query = async (statement: string | QueryConfig, given?: unknown[]): Promise<QueryResult> => {
    const { text, values = [] } = typeof statement === 'string' ? { text: statement, values: given } : statement;
    const connection = await database.connect();
    try {
      await connection.query('begin');
      const { rows } = await connection.query<Explanation>(`explain (analyze, buffers, format json) ${text}`, values);
      await connection.query('rollback');
      const [explanation] = rows;
      if (explanation === undefined) throw new Error('Expected a plan, found none');
      const { Plan: plan, 'Execution Time': milliseconds } = explanation['QUERY PLAN'][0];
      told({ milliseconds, pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] });
      return await connection.query(text, values);
    } finally {
      connection.release();
    }
  };
  return { query } as unknown as Database;
}
