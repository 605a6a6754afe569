import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { OperatorError } from '../operator-error.ts';

/** PostgreSQL refuses to run as root: the account it runs as instead, or this process's own. */
export type PostgresAccount =
  | { readonly kind: 'own' }
  | { readonly kind: 'other'; readonly name: string; readonly uid: number; readonly gid: number };

/** How to start a program so that it runs as the account and reaches its files. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

const ACCOUNT_NAME = 'postgres';

/**
 * Finds the account for PostgreSQL: this process's own, or, for root, the system's `postgres`, which is created where
 * it is missing.
 * @throws OperatorError when there is none and it cannot be created.
 */
export function postgresAccount(): PostgresAccount {
  if (process.getuid?.() !== 0) return { kind: 'own' };
  const known = lookUp(ACCOUNT_NAME);
  if (known !== undefined) return known;
  try {
    execFileSync('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      ACCOUNT_NAME,
    ]);
  } catch (error) {
    throw new OperatorError({
      expected: `an account \`${ACCOUNT_NAME}\` to run PostgreSQL as, since PostgreSQL refuses to run as root`,
      found: `none, and useradd failed: ${(error as Error).message}`,
      remedy: `Create it (\`useradd --system ${ACCOUNT_NAME}\`), run thoughtloop as an ordinary user, or set DATABASE_URL.`,
      cause: error,
    });
  }
  const created = lookUp(ACCOUNT_NAME);
  if (created === undefined) throw new Error(`useradd created no account ${ACCOUNT_NAME}`);
  return created;
}

function lookUp(name: string): PostgresAccount | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined
    ? undefined
    : { kind: 'other', name, uid: Number(uid), gid: Number(gid) };
}

/**
 * How to start one of PostgreSQL's programs as the account.
 *
 * Below a folder that the account may not enter (/root is the common one) the program is started with the one
 * capability that lets it pass: CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE in containers that withhold the first. Its
 * programs look for each other with access(2), for which Linux sets a process's capabilities aside unless the secure
 * bit `no_setuid_fixup` is set (capabilities(7)).
 *
 * @param folders what the program must be able to enter beside its own folder.
 * @throws OperatorError when the account cannot be let in.
 */
export function launchAs(
  account: PostgresAccount,
  program: string,
  args: readonly string[],
  folders: readonly string[],
): Launch {
  if (account.kind === 'own') return { command: program, args };
  const { uid, gid } = account;
  const test = ['-c', 'test -x "$0" && for folder; do cd "$folder" || exit 1; done', program, ...folders];
  if (spawnSync('/bin/sh', test, { uid, gid, cwd: '/', stdio: 'ignore' }).status === 0) {
    return { command: program, args, uid, gid };
  }
  for (const capability of ['+dac_read_search', '+dac_override']) {
    const identity = ['--securebits', '+no_setuid_fixup', '--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups'];
    const prefix = [...identity, '--inh-caps', capability, '--ambient-caps', capability, '--'];
    if (spawnSync('setpriv', [...prefix, '/bin/sh', ...test], { cwd: '/', stdio: 'ignore' }).status === 0) {
      return { command: 'setpriv', args: [...prefix, program, ...args] };
    }
  }
  throw new OperatorError({
    expected: `the account \`${account.name}\`, as which PostgreSQL runs, to be able to enter ${[program, ...folders].join(' and ')}`,
    found: 'a folder on the way that is closed to it, and no way around that with setpriv',
    remedy:
      'Choose a data folder (--data) and a checkout outside such folders, open them with `chmod o+x`, run thoughtloop ' +
      'as an ordinary user, or set DATABASE_URL.',
  });
}
