import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { databaseFailure } from '../../scripts/database-failure.ts';
import { EXIT_CODES, OperatorError } from '../../scripts/operator-error.ts';
import { fail } from '../../scripts/output.ts';
import { thoughtloop } from '../support/command-line.ts';

const PROGRAM = fileURLToPath(new URL('../../scripts/thoughtloop.ts', import.meta.url));
const RECIPE = fileURLToPath(new URL('../../deploy/recipes/smollm2-gsm8k.toml', import.meta.url));
const URL_OF_STORE = 'postgresql://someone:secret@db.example:6543/store';

/** No stack, no servers of the environment. */
const NOWHERE = { THOUGHTLOOP_DATA: '/nowhere/at/all', DATABASE_URL: '', TEMPORAL_CONFIG_FILE: '/nowhere/none.toml' };

const coded = (code: string | number, message = 'broken'): Error => Object.assign(new Error(message), { code });

afterEach(() => {
  vi.restoreAllMocks();
});

function said(error: unknown): { code: number; text: string } {
  let text = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  return { code: fail(error), text };
}

describe('a failed command', () => {
  test('says that a disk is full, and no stack trace', () => {
    const { code, text } = said(Object.assign(coded('ENOSPC', 'ENOSPC: no space left'), { syscall: 'write' }));
    expect(code).toBe(EXIT_CODES.failure);
    expect(text).toMatch(/^thoughtloop: Expected room on the disk, found ENOSPC.*Make room/);
    expect(text).not.toContain('    at ');
  });

  test('names a file that cannot be used', () => {
    const error = Object.assign(coded('EACCES', `EACCES: permission denied, open '/a'`), {
      syscall: 'open',
      path: '/a',
    });
    expect(said(error).text).toMatch(/a file or folder that can be used, found EACCES.*'\/a'.*permissions/);
  });

  test('shows the stack of what is a defect of ours', () => {
    expect(said(new TypeError('x is undefined')).text).toContain('    at ');
  });

  test('ends quietly when its reader has seen enough', async () => {
    const child = spawn(process.execPath, [PROGRAM, 'plan', RECIPE, '--var', 'data=.', '--help'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('an error of the database', () => {
  test.each([
    [coded('ECONNREFUSED', 'connect ECONNREFUSED'), 'PostgreSQL to answer', EXIT_CODES.unreachable],
    [new AggregateError([coded('ECONNREFUSED')], ''), 'PostgreSQL to answer', EXIT_CODES.unreachable],
    [new Error('Connection terminated unexpectedly'), 'PostgreSQL to answer', EXIT_CODES.unreachable],
    [coded('57P03', 'the database system is starting up'), 'PostgreSQL to answer', EXIT_CODES.unreachable],
    [coded('28P01', 'password authentication failed'), 'that this account may use', EXIT_CODES.unreachable],
    [coded('3D000', 'database "x" does not exist'), 'that this account may use', EXIT_CODES.unreachable],
    [coded('53100', 'could not extend file'), 'room on the disk of PostgreSQL', EXIT_CODES.failure],
  ])('%s is one to mend, with the place and without the password', (error, expected, exitCode) => {
    const told = databaseFailure(error, URL_OF_STORE);
    expect(told).toBeInstanceOf(OperatorError);
    expect(told).toMatchObject({ exitCode, message: expect.stringContaining(expected) as string });
    expect((told as Error).message).toContain('db.example:6543/store');
    expect((told as Error).message).not.toContain('secret');
  });

  test('that is a defect of ours, or not of the database, stays as it is', () => {
    for (const error of [coded('42601', 'syntax error'), coded(14, 'unavailable')]) {
      expect(databaseFailure(error, URL_OF_STORE)).toBe(error);
    }
  });
});

test('a DATABASE_URL that is none is refused without showing it', async () => {
  const { code, stderr } = await thoughtloop(['list'], { ...NOWHERE, DATABASE_URL: 'secret@somewhere' });
  expect(code).toBe(EXIT_CODES.badInput);
  expect(stderr).toContain('Expected postgresql://');
  expect(stderr).not.toContain('secret');
});

test('without a stack every command that needs one says so', async () => {
  const { code, stderr } = await thoughtloop(['list'], NOWHERE);
  expect(code).toBe(EXIT_CODES.unreachable);
  expect(stderr).toMatch(/found no stack \(\/nowhere\/at\/all\)\. Run `thoughtloop up`/);
});
