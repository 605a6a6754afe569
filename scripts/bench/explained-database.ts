import type { QueryConfig, QueryResult } from 'pg';
import type { Database } from '../../activities/store/pool.ts';

/** What the server says of a statement that it ran. */
export interface Explained {
  readonly milliseconds: number;
  /** Rows of tables and entries of indexes that were looked at. */
  readonly rows: number;
  /** Looks at pages of 8 kB of tables and indexes, in memory or on the disk; one that is looked at twice counts twice. */
  readonly pages: number;
}

interface PlanNode {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  /** Mean of the loops, as are the rows that were removed. */
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Of `explain (analyze, buffers, format json)`: the top node's pages are those of the whole plan. */
interface Explanation {
  readonly 'QUERY PLAN': readonly [{ readonly Plan: PlanNode; readonly 'Execution Time': number }];
}

/** Rows that the leaves of a plan looked at. */
function rowsRead({ Plans: plans = [], ...node }: PlanNode): number {
  if (plans.length > 0) return plans.reduce((sum, plan) => sum + rowsRead(plan), 0);
  return (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
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
      const pages = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
      told({ milliseconds, rows: rowsRead(plan), pages });
      return await connection.query(text, values);
    } finally {
      connection.release();
    }
  };
  return { query } as unknown as Database;
}
