/**
 * `npm run chaos:recovery -- --rounds N`: how soon work goes on after `kill -9`, on a stack of its own with real workers,
 * Temporal and PostgreSQL, whose load run samples from toy servers that live through the kills.
 *
 * Stack: all its processes are killed; seconds from `up` to the next request that a server answers.
 * Sampler: one is killed; seconds until each shard that it held is claimed anew and more of it is durable, which is one
 * answer later than its next request.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { wholeNumber } from '../commands/whole-number.ts';
import { environment as measuredOn } from '../environment.ts';
import { poll } from '../stack/deadline.ts';
import { killStack } from './inject/kills.ts';
import { endNaming, signalProcess } from './process-tree.ts';
import { loadRun } from './runs.ts';
import { World } from './world.ts';

interface Options {
  readonly rounds: number;
  readonly documents: number;
  readonly data?: string;
  readonly json?: boolean;
}

/** Seconds of one round. */
interface Round {
  readonly stack: number;
  readonly sampler: number;
}

/** From `up` after the end of all processes to the next request, seconds. */
const STACK_BOUND = 20;

/** From the kill of a sampler to the next request of its last shard, seconds. */
const SAMPLER_BOUND = 30;

const WAIT_MILLISECONDS = 150_000;
const LOOK_MILLISECONDS = 20;

/** Requests after which sampling counts as being under way. */
const UNDER_WAY = 50;

/** Without one more request for this long, servers have answered all that was in flight; an answer takes 60 ms. */
const QUIET_MILLISECONDS = 1_000;

const RUN = 'load';
const KILLED = 'sampler-1';

async function recovery(options: Options): Promise<number> {
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const python = process.env['THOUGHTLOOP_PYTHON'];
  if (python === undefined) throw new Error('Expected THOUGHTLOOP_PYTHON: start this by `npm run chaos:recovery`');
  const data =
    options.data === undefined ? mkdtempSync(join(tmpdir(), 'thoughtloop-recovery-')) : resolve(options.data);
  const environment = describeMachine();
  tell(environment);
  const rounds: Round[] = [];
  const world = await World.start(data, python, [RUN]);
  try {
    const run = await loadRun(world, RUN, options.documents);
    await run.start();
    for (let index = 1; index <= options.rounds; index += 1) {
      const sampler = await samplerRound(world);
      await requestsBeyond(world, requests(world) + UNDER_WAY);
      const stack = await stackRound(world);
      rounds.push({ stack, sampler });
      tell(`round ${index}: stack ${stack.toFixed(1)} s, sampler ${sampler.toFixed(1)} s`);
    }
  } finally {
    await world.down();
    endNaming(data);
  }
  const passed = rounds.every(({ stack, sampler }) => stack <= STACK_BOUND && sampler <= SAMPLER_BOUND);
  tell(`${passed ? 'within' : 'BEYOND'} the bounds: stack ${STACK_BOUND} s, sampler ${SAMPLER_BOUND} s`);
  if (options.json === true) {
    const bounds = { stack: STACK_BOUND, sampler: SAMPLER_BOUND };
    process.stdout.write(`${JSON.stringify({ passed, unit: 's', bounds, rounds, environment })}\n`);
  }
  if (passed && options.data === undefined) rmSync(data, { recursive: true, force: true });
  return passed ? 0 : 1;
}

function describeMachine(): string {
  const { cores, processor, load, node } = measuredOn();
  return `${cores} cores of ${processor}, load ${load.toFixed(1)}, Node ${node}`;
}

/** Requests that servers have answered so far. */
function requests({ files }: World): number {
  try {
    return readdirSync(files.journals).reduce(
      (sum, name) => sum + readFileSync(join(files.journals, name), 'utf8').split('\n').length - 1,
      0,
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

async function requestsBeyond(world: World, count: number): Promise<void> {
  await until(`more than ${count} requests`, () => (requests(world) > count ? true : undefined));
}

/** Requests that servers have answered, once they answer no more. */
async function quietCount(world: World): Promise<number> {
  for (let count = requests(world); ;) {
    await sleep(QUIET_MILLISECONDS);
    const now = requests(world);
    if (now === count) return now;
    count = now;
  }
}

async function stackRound(world: World): Promise<number> {
  await killStack(world);
  const before = await quietCount(world);
  const began = performance.now();
  const up = world.up();
  const next = requestsBeyond(world, before).then(() => (performance.now() - began) / 1_000);
  const [seconds, came] = await Promise.allSettled([next, up]);
  if (came.status === 'rejected') throw came.reason;
  if (seconds.status === 'rejected') throw seconds.reason;
  return seconds.value;
}

interface HeldShard {
  readonly eStep: number;
  readonly shard: number;
  readonly lease: number;
}

async function samplerRound(world: World): Promise<number> {
  const [sampler, held] = await until(`${KILLED} to sample shards`, async () => {
    const running = world.state.processes.find(({ name, state }) => name === KILLED && state === 'running');
    const shards = running === undefined ? [] : await shardsOf(world, running.pid);
    return running !== undefined && shards.length > 0 ? ([running, shards] as const) : undefined;
  });
  const began = performance.now();
  signalProcess(sampler.pid, 'SIGKILL', sampler.start);
  await until(`the shards of ${KILLED} to go on`, async () => ((await goOn(world, held)) ? true : undefined));
  return (performance.now() - began) / 1_000;
}

async function shardsOf({ database }: World, pid: number): Promise<HeldShard[]> {
  const { rows } = await database.query<HeldShard>(
    `select e_step as "eStep", shard, lease::int from shards
      where finished_at is null and written_at > claimed_at and holder like $1`,
    [`%@${pid}`],
  );
  return rows;
}

/** Whether each shard has been claimed anew and written since. */
async function goOn({ database }: World, held: readonly HeldShard[]): Promise<boolean> {
  const { rows } = await database.query<{ going: number }>(
    `select count(*)::int as going from shards
       join unnest($1::integer[], $2::integer[], $3::bigint[]) as held (e_step, shard, lease) using (e_step, shard)
      where shards.lease > held.lease and (shards.written_at > shards.claimed_at or shards.finished_at is not null)`,
    [held.map(({ eStep }) => eStep), held.map(({ shard }) => shard), held.map(({ lease }) => lease)],
  );
  return rows[0]?.going === held.length;
}

/** @returns the first answer that is not undefined; the store may be away meanwhile */
async function until<Answer>(
  what: string,
  met: () => Answer | undefined | Promise<Answer | undefined>,
): Promise<Answer> {
  const outcome = await poll(met, WAIT_MILLISECONDS, LOOK_MILLISECONDS);
  if ('answer' in outcome) return outcome.answer;
  throw new Error(`Expected ${what} within ${WAIT_MILLISECONDS / 1_000} s`, { cause: outcome.gaveUp });
}

const positive = wholeNumber(1, Number.MAX_SAFE_INTEGER);

await new Command('chaos:recovery')
  .description('measure how soon sampling goes on after kill -9 of a sampler, and of the whole stack')
  .option('--rounds <n>', 'kills of each kind', positive, 3)
  .option('--documents <n>', 'documents of the load run', positive, 2_000)
  .option('--data <folder>', 'data folder; kept', undefined)
  .option('--json', 'close with one line of JSON')
  .addHelpText('after', '\nExample:\n  npm run chaos:recovery -- --rounds 3 --json | tail -1')
  .action(async (options: Options) => {
    process.exitCode = await recovery(options);
  })
  .parseAsync();
