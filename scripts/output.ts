import { EXIT_CODES, OperatorError, type ExitCode } from './operator-error.ts';
import { isUnreachable, messageOf } from './unreachable.ts';

/** A column of a table: its heading, and which side its cells stand on. */
export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string | number | undefined;
  /** Numbers read best on the right. @default 'left' */
  readonly align?: 'left' | 'right';
}

/** Lays rows out as lines of aligned columns under their headings. An empty cell shows as `–`. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map((column) => String(column.cell(row) ?? '–')));
  const widths = columns.map((column, at) =>
    Math.max(column.heading.length, ...cells.map((line) => line[at]?.length ?? 0)),
  );
  const layOut = (line: readonly string[]): string =>
    line
      .map((text, at) =>
        columns[at]?.align === 'right' ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [layOut(columns.map((column) => column.heading)), ...cells.map(layOut)].join('\n');
}

/** Lays out names and values in two columns. */
export function pairs(entries: readonly (readonly [name: string, value: string | number])[]): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

/** Prints a result for people on stdout. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints a result for programs (`--json`) on stdout: one JSON document. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Tells of progress on stderr, where it does not mix with results. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Says on stderr why a command failed, and which exit code that is.
 *
 * An `OperatorError` shows as its message, and so does a file that cannot be read or written. A refused or lost
 * connection means that the stack is not there. Anything else is a defect of ours and shows with its stack.
 */
export function fail(error: unknown): ExitCode {
  if (error instanceof OperatorError) {
    tell(`thoughtloop: ${error.message}`);
    return error.exitCode;
  }
  if (isUnreachable(error)) {
    tell(
      `thoughtloop: Expected Temporal and PostgreSQL to answer, found: ${messageOf(error)}. ` +
        '`thoughtloop doctor` says which one does not, `thoughtloop up` starts them.',
    );
    return EXIT_CODES.unreachable;
  }
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  const full = code !== undefined && NO_ROOM.includes(code);
  if (full || (code !== undefined && syscall !== undefined && path !== undefined)) {
    const [expected, remedy] = full
      ? ['room on the disk', 'Make room there, then run the command again.']
      : ['a file or folder that can be used', 'Mend its path or its permissions, then run the command again.'];
    tell(`thoughtloop: Expected ${expected}, found ${messageOf(error)}. ${remedy}`);
    return EXIT_CODES.failure;
  }
  tell(`thoughtloop: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT_CODES.failure;
}

/** The disk is full, or what this account may use of it. */
const NO_ROOM = ['ENOSPC', 'EDQUOT'];
