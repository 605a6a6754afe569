import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Connection } from './pool.ts';

/** A value of a row in COPY's text format: arrays become PostgreSQL array literals, null becomes NULL. */
export type CopyValue = string | number | boolean | null | readonly number[] | readonly string[];

/** Bytes that COPY takes literally only behind a backslash (PostgreSQL manual, COPY, "Text Format"). */
const ESCAPED = /[\\\n\r\t\b\f\v]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};

function field(value: CopyValue): string {
  if (value === null) return '\\N';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return (typeof value === 'string' ? value : arrayLiteral(value)).replace(
    ESCAPED,
    (character) => ESCAPES[character] ?? character,
  );
}

/** PostgreSQL's literal of a one-dimensional array. Every string is quoted, so that `NULL` and `''` stay themselves. */
export function arrayLiteral(values: readonly number[] | readonly string[]): string {
  const items = values.map((item) => (typeof item === 'string' ? `"${item.replace(/[\\"]/g, '\\$&')}"` : String(item)));
  return `{${items.join(',')}}`;
}

/** One line of COPY's text format, with its newline. */
export function copyLine(row: readonly CopyValue[]): string {
  return `${row.map(field).join('\t')}\n`;
}

/** Characters handed to the socket at once: large enough that the cost of a write does not count. */
const WRITE_CHARACTERS = 256 * 1024;

/**
 * Writes rows into a table through COPY, one at a time and with back-pressure, so that memory does not grow with them.
 *
 * @param table table name, trusted
 * @param columns column names, trusted; each row has their values in this order
 * @returns rows written
 * @throws the database's error (e.g. a broken constraint), or what `rows` throws; the COPY is then taken back
 */
export async function copyRows(
  connection: Connection,
  table: string,
  columns: readonly string[],
  rows: Iterable<readonly CopyValue[]> | AsyncIterable<readonly CopyValue[]>,
): Promise<number> {
  const stream = connection.query(copyFrom(`copy ${table} (${columns.join(', ')}) from stdin`));
  const ended = finished(stream);
  // A failure shows up at the next write or at the end; without this it would be an unhandled rejection until then.
  ended.catch(() => undefined);
  let buffer = '';
  const flush = async (): Promise<void> => {
    const free = stream.write(buffer);
    buffer = '';
    // `finished` rejects when the database refuses the rows: no drain comes then.
    if (!free) await Promise.race([once(stream, 'drain'), ended]);
  };
  try {
    for await (const row of rows) {
      buffer += copyLine(row);
      if (buffer.length >= WRITE_CHARACTERS) await flush();
    }
    if (buffer !== '') await flush();
  } catch (error) {
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
    await ended.catch(() => undefined);
    throw error;
  }
  stream.end();
  await ended;
  return stream.rowCount;
}
