import type { SchemaState } from '../activities/store/migrate.ts';
import { EXIT_CODES, OperatorError } from './operator-error.ts';
import { givenDatabaseUrl } from './stack/stack-environment.ts';
import { isConnectionLost, messageOf } from './unreachable.ts';

/** Errors of the driver's own that have no code. */
const LOST =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client (has encountered a connection error|was closed))/;

/**
 * SQLSTATEs of a server that is there and takes no work: class 08 connection exception, 57P0x shutting down or starting
 * up, 53300 too many connections.
 */
const BUSY = /^(08|57P0|53300)/;

/** SQLSTATEs of an account or a database that is not let in or not there. */
const REFUSED = /^(28|3D000|42501|25006)/;

/** SQLSTATE disk_full. */
const DISK_FULL = '53100';

/** Whether an error says that the database is away or takes no work: it may be back in a moment. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return isConnectionLost(error) || LOST.test(error.message) || BUSY.test(sqlState(error));
}

function sqlState(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/**
 * What a person needs to know of an error of the database: that it is away, lets nobody in, or has no room. Other errors
 * come back as they are.
 *
 * @param url of the database; its password is not shown
 */
export function databaseFailure(error: unknown, url: string): unknown {
  if (!(error instanceof Error) || error instanceof OperatorError) return error;
  const state = sqlState(error);
  const cause = error;
  if (isDatabaseAway(error)) {
    return new OperatorError({
      expected: 'PostgreSQL to answer',
      found: messageOf(error),
      where: shown(url),
      remedy: cure('Start that server, or mend DATABASE_URL'),
      exitCode: EXIT_CODES.unreachable,
      cause,
    });
  }
  if (REFUSED.test(state)) {
    return new OperatorError({
      expected: 'a database that this account may use',
      found: messageOf(error),
      where: shown(url),
      remedy: cure('Create the database or the account, or mend DATABASE_URL'),
      exitCode: EXIT_CODES.unreachable,
      cause,
    });
  }
  if (state === DISK_FULL) {
    return new OperatorError({
      expected: 'room on the disk of PostgreSQL',
      found: messageOf(error),
      where: shown(url),
      remedy: 'Make room there, then run the command again: what is not whole is not visible.',
      cause,
    });
  }
  return error;
}

/**
 * Makes sure that a database has this program's schema.
 * @throws OperatorError when it is older or newer
 */
export function requireSchema(state: SchemaState, url: string): void {
  if (state.kind === 'current') return;
  const [found, remedy] =
    state.kind === 'older'
      ? [
          `one that lacks ${state.missing.join(', ')}`,
          'Nothing was changed. `thoughtloop up` or `thoughtloop doctor --fix` brings it up to date.',
        ]
      : [
          `one with ${state.unknown.join(', ')}, which a newer program made`,
          'Nothing was changed. Use that newer thoughtloop, or another database.',
        ];
  throw new OperatorError({ expected: 'a database with the schema of this program', found, where: shown(url), remedy });
}

const cure = (ofGiven: string): string =>
  `${givenDatabaseUrl() === undefined ? 'Run `thoughtloop up`' : ofGiven}; \`thoughtloop doctor\` checks it.`;

/** Host, port and database. */
function shown(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port === '' ? '5432' : port}${pathname}`;
}
