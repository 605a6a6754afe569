import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** For a process to end after a signal; vLLM ends within half a minute. */
const PATIENCE_MILLISECONDS = 40_000;

/** How a process ended. */
interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of a bench that says what it has to say in lines of JSON. */
export class BenchProcess {
  readonly child: ChildProcess;
  readonly #ended: Promise<End>;
  readonly #lines: unknown[] = [];
  #wake: (() => void) | null = null;
  #over = false;
  #errors = '';

  /** @param env added to this process's own environment */
  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors = (this.#errors + text).slice(-4_000)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      this.#lines.push(JSON.parse(line));
      this.#wake?.();
    });
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#over = true;
        this.#wake?.();
        resolve({ code, signal });
      });
    });
    this.#ended.catch(() => undefined);
  }

  /** A Node program of the checkout with its settings. */
  static node(program: string, settings: unknown, flags: readonly string[] = []): BenchProcess {
    return new BenchProcess(process.execPath, [...flags, program, JSON.stringify(settings)]);
  }

  /**
   * The next line it writes.
   * @throws Error when it ends before
   */
  async next<Line>(): Promise<Line> {
    while (this.#lines.length === 0) {
      if (this.#over) {
        const { code, signal } = await this.#ended;
        const command = this.child.spawnargs.slice(0, 2).join(' ');
        throw new Error(`Expected a line of JSON of ${command}, found its end (${code ?? signal}): ${this.#errors}`);
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#lines.shift() as Line;
  }

  /** Waits until it has ended. */
  async end(): Promise<End> {
    return this.#ended;
  }

  /** Sends a signal, unless it has ended, and waits for the end; SIGKILL follows when it does not come. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    if (!this.#over) this.child.kill(signal);
    const last = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MILLISECONDS);
    await this.#ended.catch(() => undefined);
    clearTimeout(last);
  }
}
