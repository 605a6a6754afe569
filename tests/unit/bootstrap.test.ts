import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { killProcess } from '../support/kill-process.ts';
import { FAKE_PROGRAMS, FakeCheckout } from '../support/fake-checkout.ts';

let checkout: FakeCheckout;

beforeEach(() => {
  checkout = new FakeCheckout();
});

afterEach(() => {
  checkout.remove();
});

/** Process id of the npm that hangs, once it does. */
const hangingNpm = (): Promise<string> => {
  const marker = join(checkout.folder, 'log.hanging');
  return eventually('npm hangs', () => existsSync(marker) && readFileSync(marker, 'utf8').trim());
};

const count = (start: string): number => checkout.log.filter((line) => line.startsWith(start)).length;

it('the first command installs the npm packages from the lock file, without install scripts, and the next does not', async () => {
  const first = await checkout.run(['check', '--fast']);
  const second = await checkout.run(['check']);

  expect([first.code, second.code]).toEqual([0, 0]);
  expect(checkout.log).toHaveLength(1);
  expect(checkout.log[0]).toMatch(/^npm ci --ignore-scripts /);
  expect(JSON.parse(first.stdout)).toEqual({ args: ['--fast'], python: null });
  expect(first.stderr).toMatch(/installing the npm packages.*done in \d+ s/s);
});

it('a changed lock file is installed', async () => {
  await checkout.run(['check']);
  checkout.lock('2.0.0');
  await checkout.run(['check']);
  expect(count('npm ci')).toBe(2);
});

it('two first commands at the same time install once', async () => {
  const both = await Promise.all([checkout.run(['check']), checkout.run(['check'])]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(count('npm ci')).toBe(1);
});

it('an installer that was killed does not block the next one', async () => {
  const hanging = checkout.start(['check'], { FAKE_NPM: 'hang' });
  const npm = await hangingNpm();
  hanging.kill('SIGKILL');
  killProcess(npm);
  expect((await checkout.run(['check'])).code).toBe(0);
});

it('while another process installs, it says which one it waits for', async () => {
  const hanging = checkout.start(['check'], { FAKE_NPM: 'hang' });
  const npm = await hangingNpm();
  const waiting = checkout.start(['check']);
  let stderr = '';
  waiting.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await eventually('it says so', () => stderr.includes(`process ${hanging.pid} is installing the npm packages`));
  hanging.kill('SIGKILL');
  killProcess(npm);
  expect(await new Promise((resolve) => waiting.once('close', resolve))).toBe(0);
});

it('a failed npm shows its last lines and what to do, and is tried again by the next command', async () => {
  const failed = await checkout.run(['check'], { FAKE_NPM: 'fail' });
  expect(failed.code).toBe(1);
  expect(failed.stdout).toBe('');
  expect(failed.stderr).toMatch(/exit code 7.*network request to the registry failed.*Check the network/s);
  expect((await checkout.run(['check'])).code).toBe(0);
});

it('packages other than those of the lock file are not accepted', async () => {
  const refused = await checkout.run(['check'], { FAKE_NPM: 'other' });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/found that npm installed others: package\.json and package-lock\.json disagree/);
});

it('the Python environment is made once and shared by a second checkout', async () => {
  const first = await checkout.run(['test', 'unit']);
  const second = new FakeCheckout(checkout);
  const other = await second.run(['test']);
  second.remove();

  const { python } = JSON.parse(first.stdout) as { python: string };
  expect(python).toContain(join(checkout.folder, '.cache', 'thoughtloop', 'python-'));
  expect(existsSync(python)).toBe(true);
  expect(JSON.parse(other.stdout)).toEqual({ args: [], python });
  expect(count('venv')).toBe(1);
  expect(checkout.log.filter((line) => line.startsWith('pip'))).toEqual([
    expect.stringMatching(/install .*-r .*requirements\.txt$/),
    expect.stringMatching(/install .*--no-deps -r .*requirements-no-deps\.txt$/),
  ]);
});

it('two first tests at the same time make one Python environment', async () => {
  const both = await Promise.all([checkout.run(['test']), checkout.run(['test'])]);
  expect(both[0].stdout).toBe(both[1].stdout);
  expect(count('venv')).toBe(1);
});

it('a failed pip shows its last lines, and leaves nothing that looks like an environment', async () => {
  const failed = await checkout.run(['test'], { FAKE_PIP: 'fail' });
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(
    /Could not find a version that satisfies the requirement torch.*run the same command again/s,
  );
  const cache = join(checkout.folder, '.cache', 'thoughtloop');
  expect(readdirSync(cache).filter((name) => name.startsWith('python-'))).toEqual([]);
  expect((await checkout.run(['test'])).code).toBe(0);
});

it('a Python that is too old is refused with what was found', async () => {
  await checkout.run(['check']);
  // Without the machine's own pythons on the PATH.
  const refused = await checkout.run(['test'], { FAKE_PYTHON_VERSION: '3, 9, 1', PATH: FAKE_PROGRAMS });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/expected Python 3\.11 or newer.*version 3\.9\.1.*THOUGHTLOOP_PYTHON/s);
});

it('an environment of the person is used as it is when it has vLLM', async () => {
  const own = join(FAKE_PROGRAMS, 'python3');
  const used = await checkout.run(['test'], { THOUGHTLOOP_PYTHON: own, FAKE_VLLM: '"0.33.0"' });
  expect(JSON.parse(used.stdout)).toEqual({ args: [], python: own });

  const refused = await checkout.run(['test'], { THOUGHTLOOP_PYTHON: own });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/found no vllm in .*unset THOUGHTLOOP_PYTHON/s);
  expect(count('venv')).toBe(0);
});

it('commands that need no Python do not install it, and use it when it is there', async () => {
  const before = await checkout.run(['cli', 'status', 'some-run']);
  expect(JSON.parse(before.stdout)).toEqual({ args: ['status', 'some-run'], python: null });
  const up = await checkout.run(['cli', 'up']);
  const after = await checkout.run(['cli', 'status', 'some-run']);
  const { python } = JSON.parse(up.stdout) as { python: string };
  expect(JSON.parse(after.stdout)).toEqual({ args: ['status', 'some-run'], python });
});

it('the exit code of the program is the exit code of the command', async () => {
  expect((await checkout.run(['check'], { FAKE_TARGET: '4' })).code).toBe(4);
});

it('a signal to the command reaches the program', async () => {
  const child = checkout.start(['check'], { FAKE_TARGET: 'wait' });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  child.kill('SIGTERM');
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(21);
});

it('a full disk is found before anything is downloaded', async () => {
  // The kernel's own file system has no space at all.
  const script = `import('${join(checkout.folder, 'scripts/setup/disk-space.mjs')}').then((module) =>
    module.requireDiskSpace('/proc', 5, 'the test', 'set XDG_CACHE_HOME'))`;
  const refused = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(/expected 5 GB free for the test, found 0\.0 GB on the disk of \/proc/);
});
