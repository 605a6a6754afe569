import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { ensureStack } from '../stack/ensure-stack.ts';
import { readState, type StackState } from '../stack/stack-state.ts';
import { stopStack } from '../stack/stop-stack.ts';

const program = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Sampler processes of the stack under test. */
export const SAMPLERS = 2;

/** Shards that each of them has under way. */
export const SHARDS_AT_ONCE = 4;

/** Time an answer of a toy server takes, milliseconds. */
const LATENCY_MILLISECONDS = 60;

/** Longer than the adapter waits for a submitted job to record itself (60 s). */
const SLOW_SUBMISSION_SECONDS = 70;

/** Where the harness and the programs of the stack meet. All paths are absolute. */
export interface WorldFiles {
  /** How far ahead the clock of every Node process is, milliseconds. */
  readonly clock: string;
  /** A toy model that the next toy server serves in place of its own. */
  readonly stale: string;
  /** While it is there, the next submission of a training takes too long, and takes it away. */
  readonly slowSubmission: string;
  /** Journals of the toy servers. */
  readonly journals: string;
}

/**
 * A stack of its own in a folder, prepared for faults: real Temporal, PostgreSQL and workers, whose jobs are toy servers
 * and trainings for the runs of {@link TOY_RUNS}, and the real ones for every other run.
 */
export class World {
  readonly data: string;
  readonly files: WorldFiles;
  #database: Database | undefined;

  private constructor(data: string) {
    this.data = data;
    const folder = join(data, 'chaos');
    this.files = {
      clock: join(folder, 'clock'),
      stale: join(folder, 'stale'),
      slowSubmission: join(folder, 'slow-submission'),
      journals: join(folder, 'journals'),
    };
  }

  /** @param python interpreter of the jobs. @param toyRuns names of the runs with toy programs. */
  static async start(data: string, python: string, toyRuns: readonly string[]): Promise<World> {
    const world = new World(data);
    mkdirSync(join(data, 'chaos'), { recursive: true });
    rmSync(world.files.slowSubmission, { force: true });
    // Servers of the person's own are nothing to break.
    for (const name of Object.keys(process.env)) {
      if (name === 'DATABASE_URL' || name.startsWith('TEMPORAL_')) delete process.env[name];
    }
    Object.assign(process.env, world.#environment(python, toyRuns));
    await world.up();
    return world;
  }

  /** Brings up what is not there. */
  async up(): Promise<void> {
    const { databaseUrl } = await ensureStack({ dataFolder: this.data, samplers: SAMPLERS });
    if (databaseUrl === undefined)
      throw new Error(`Expected a database of the stack's own in ${this.data}, found none`);
    this.#database ??= openDatabase(databaseUrl, 4);
  }

  async down(): Promise<void> {
    await this.#database?.end();
    this.#database = undefined;
    await stopStack({ dataFolder: this.data });
  }

  get database(): Database {
    if (this.#database === undefined) throw new Error('Expected a stack that is up');
    return this.#database;
  }

  get state(): StackState {
    const state = readState(this.data);
    if (state === undefined) throw new Error(`Expected a stack in ${this.data}, found none`);
    return state;
  }

  #environment(python: string, toyRuns: readonly string[]): NodeJS.ProcessEnv {
    const { clock, stale, slowSubmission, journals } = this.files;
    const cases = toyRuns.map((run) => `*/runs/${run}/*`).join('|');
    const either = (toy: string, real: string): string =>
      `case "$2" in ${cases}) exec ${toy} "$@";; *) exec ${real} "$@";; esac`;
    const node = process.execPath;
    const write = (name: string, script: string): string => {
      const file = join(this.data, 'chaos', name);
      writeFileSync(file, `#!/bin/sh\n${script}\n`);
      chmodSync(file, 0o755);
      return file;
    };
    const slow = `if mv ${slowSubmission} ${slowSubmission}.taken 2>/dev/null; then sleep ${SLOW_SUBMISSION_SECONDS}; fi`;
    return {
      // Where the environment's `temporal` is.
      PATH: [dirname(python), process.env['PATH']].join(delimiter),
      THOUGHTLOOP_PYTHON: write('python', `case "$*" in *run_job.py*/m/*) ${slow};; esac\nexec ${python} "$@"`),
      THOUGHTLOOP_TRAINER: write(
        'trainer',
        either(`${node} ${program('tests/support/toy-trainer.ts')}`, `${python} ${program('deploy/trainer/train.py')}`),
      ),
      THOUGHTLOOP_SERVER: write(
        'server',
        either(
          `${node} ${program('tests/support/fake-launcher.ts')} serve`,
          `${python} ${program('deploy/server/serve.py')}`,
        ),
      ),
      THOUGHTLOOP_SHARDS_AT_ONCE: String(SHARDS_AT_ONCE),
      NODE_OPTIONS: `--import=${program('tests/support/jumping-clock.mjs')}`,
      FAKE_CLOCK: clock,
      FAKE_SERVER_STALE: stale,
      FAKE_SERVER_JOURNAL: journals,
      FAKE_SERVER_LATENCY: String(LATENCY_MILLISECONDS),
    };
  }
}
