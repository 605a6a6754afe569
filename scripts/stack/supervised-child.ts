import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { processStart } from '../setup/process-identity.mjs';
import { CHILD_MARK, stopSteps, type ChildSpec } from './child-spec.ts';
import { nextRestart } from './restart-policy.ts';
import type { StackProcess } from './stack-state.ts';
import { stopProcess } from './stop-process.ts';

/** A log that has grown beyond this is set aside, once, when its process starts. */
const LONGEST_LOG_BYTES = 100_000_000;

/**
 * One process of the stack, started again whenever it ends.
 *
 * idle → `start` → running → (ends) → restarting or failing, for a pause → running …; `stop` ends it for good from
 * every state. Each change is reported, at the latest before the event loop turns, so that the state file knows the
 * process as soon as there is one.
 */
export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly #dataFolder: string;
  readonly #changed: () => void;
  #child: ChildProcess | undefined;
  #process: StackProcess | undefined;
  #startedAt = 0;
  #quickEnds = 0;
  #restarts = 0;
  #stopping = false;
  #pause: NodeJS.Timeout | undefined;

  constructor(spec: ChildSpec, dataFolder: string, changed: () => void) {
    this.spec = spec;
    this.#dataFolder = dataFolder;
    this.#changed = changed;
  }

  /** What the state file says about it; undefined before its start and after its stop. */
  get process(): StackProcess | undefined {
    return this.#process;
  }

  get failing(): boolean {
    return this.#process?.state === 'failing';
  }

  /** The last lines of its log. */
  lastWords(lines: number): string {
    const text = existsSync(this.#log) ? readFileSync(this.#log, 'utf8') : '';
    return text.trimEnd().split('\n').slice(-lines).join('\n');
  }

  start(): void {
    const { name, command, args, env, cwd, uid, gid } = this.spec;
    if (existsSync(this.#log) && statSync(this.#log).size > LONGEST_LOG_BYTES) renameSync(this.#log, `${this.#log}.1`);
    const log = openSync(this.#log, 'a');
    const child = spawn(command, args, {
      cwd,
      env: { ...env, [CHILD_MARK]: `${this.#dataFolder}:${name}` },
      stdio: ['ignore', log, log],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    closeSync(log);
    this.#child = child;
    this.#startedAt = performance.now();
    const start = child.pid === undefined ? undefined : processStart(child.pid);
    if (child.pid !== undefined && start !== undefined) {
      this.#process = { name, pid: child.pid, start, state: 'running', restarts: this.#restarts };
      this.#changed();
    }
    // A program that cannot be started reports `error` and never `exit`; any other ends with `exit`.
    child.once('error', () => this.#ended());
    child.once('exit', () => this.#ended());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#pause);
    if (this.#process !== undefined && this.#child !== undefined) {
      await stopProcess(this.#process, stopSteps(this.spec.name));
    }
    this.#process = undefined;
    this.#changed();
  }

  get #log(): string {
    return join(this.#dataFolder, 'logs', `${this.spec.name}.log`);
  }

  #ended(): void {
    if (this.#stopping || this.#child === undefined) return;
    const { pid } = this.#child;
    this.#child = undefined;
    const { quickEnds, pause, failing } = nextRestart(this.#quickEnds, performance.now() - this.#startedAt);
    this.#quickEnds = quickEnds;
    this.#restarts += 1;
    const { name } = this.spec;
    const start = this.#process?.start ?? 'never';
    this.#process = {
      name,
      pid: pid ?? process.pid,
      start,
      state: failing ? 'failing' : 'restarting',
      restarts: this.#restarts,
    };
    this.#changed();
    this.#pause = setTimeout(() => this.start(), pause);
  }
}
