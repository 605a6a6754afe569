/**
 * `npm run chaos -- --seed N --faults N`: a stack of its own, a seeded schedule of faults on runs with real processes, and
 * at the end the invariants, read from the store and the files alone.
 *
 * The load run has toy servers and trainings whose answers are known exactly, and most of the faults; a run of the same
 * recipe without faults stands beside it. The real run has vLLM and the reference trainer, and is killed part by part.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { drive, type Driven } from './drive.ts';
import { FAULT_KINDS, FAULTS, type FaultKind, type RunKind } from './faults.ts';
import { giveRoom } from './inject/full-disk.ts';
import { injections } from './inject/injections.ts';
import { chunkInvariants } from './invariants/chunks.ts';
import { fileInvariants } from './invariants/files.ts';
import { invariant, type Invariant } from './invariants/invariant.ts';
import { jobInvariants, processInvariant } from './invariants/jobs.ts';
import { requestCount, requestInvariant, type RequestCount } from './invariants/requests.ts';
import { sameChoiceInvariant } from './invariants/same-choice.ts';
import { weightInvariants } from './invariants/weights.ts';
import { processesNaming, signalProcess } from './process-tree.ts';
import { loadRun, realRun, type HarnessRun } from './runs.ts';
import { makeSchedule } from './schedule.ts';
import { World } from './world.ts';

interface Options {
  readonly seed: number;
  readonly faults: number;
  readonly documents: number;
  readonly runs: readonly RunKind[];
  readonly only?: readonly FaultKind[];
  readonly data?: string;
  readonly keep?: boolean;
  readonly json?: boolean;
}

/** What came of one run under faults. */
interface Outcome extends Driven {
  readonly run: string;
  readonly requests: RequestCount | null;
  readonly invariants: readonly Invariant[];
}

/** Of all faults, the share that goes to the real run where there is one: each costs it some seconds. */
const REAL_SHARE = 0.15;

const CALM = 'calm';

async function chaos(options: Options): Promise<number> {
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const python = process.env['THOUGHTLOOP_PYTHON'];
  if (python === undefined) throw new Error('Expected THOUGHTLOOP_PYTHON: start this by `npm run chaos`');
  const data = options.data === undefined ? mkdtempSync(join(tmpdir(), 'thoughtloop-chaos-')) : resolve(options.data);
  const began = performance.now();
  const outcomes: Outcome[] = [];
  const world = await World.start(data, python, ['load', CALM]);
  const runAll = async (): Promise<void> => {
    const real = options.runs.includes('real')
      ? Math.round(options.faults * (options.runs.length > 1 ? REAL_SHARE : 1))
      : 0;
    if (options.runs.includes('load')) outcomes.push(await underLoad(world, options, options.faults - real, tell));
    if (options.runs.includes('real')) outcomes.push(await onRealParts(world, options, real, tell));
  };
  let ended = false;
  try {
    await Promise.race([runAll(), interruption()]);
    ended = true;
  } finally {
    giveRoom(data);
    await world.down();
    // Jobs outlive the stack on purpose; those of runs that have ended are looked for below.
    if (!ended) for (const { pid } of processesNaming(data)) signalProcess(pid, 'SIGKILL');
  }
  const left = processInvariant(data);
  const seconds = Math.round((performance.now() - began) / 1000);
  const invariants = [...outcomes.flatMap((outcome) => outcome.invariants), left];
  const passed = invariants.every(({ broken }) => broken.length === 0);
  for (const outcome of outcomes) report(outcome, tell);
  show(left, tell);
  const unseen = invariants.filter(({ verdict }) => verdict === 'not looked at').length;
  const held = unseen === 0 ? 'all invariants hold' : `all invariants hold but ${unseen}, not looked at`;
  tell(`${passed ? held : 'INVARIANTS ARE BROKEN'} · seed ${options.seed} · ${seconds} s · ${data}`);
  if (options.json === true) {
    const { seed, faults } = options;
    process.stdout.write(`${JSON.stringify({ seed, faults, passed, seconds, runs: outcomes, processes: left })}\n`);
  }
  if (passed && options.keep !== true && options.data === undefined) rmSync(data, { recursive: true, force: true });
  return passed ? 0 : 1;
}

/** Fails once this process is told to end: what it started ends with it. */
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => reject(new Error(`Expected the runs to end, found ${signal}`)));
    }
  });
}

/** The run on toy models, beside one without faults. */
async function underLoad(
  world: World,
  options: Options,
  faults: number,
  tell: (line: string) => void,
): Promise<Outcome> {
  const calm = await loadRun(world, CALM, options.documents);
  tell(`run ${CALM}: ${options.documents} documents, no faults`);
  await calm.start();
  const still = await follow(world, calm, 'load', { ...options, faults: 0 }, tell);
  const run = await loadRun(world, 'load', options.documents);
  tell(`run load: ${faults} faults`);
  await run.start();
  const driven = await follow(world, run, 'load', { ...options, faults }, tell);
  const { database, data } = world;
  const { chunksInFlight, samples } = run.recipe.eStep;
  const arms = run.recipe.arms.flatMap((arm) => (arm.kind === 'latent' ? [arm.samples] : []));
  const requests = await requestCount(world, run.name, driven.injected, chunksInFlight, [samples, ...arms]);
  const invariants = [
    completed(CALM, still, 0),
    completed(run.name, driven, faults),
    ...(await chunkInvariants(database, run.name)),
    ...(await weightInvariants(database, data, run.name, run.recipe)),
    await sameChoiceInvariant(database, run.name, CALM),
    ...(await fileInvariants(database, data, run.name)),
    ...(await jobInvariants(database, data, run.name)),
    requestInvariant(requests),
  ];
  return { run: run.name, ...driven, requests, invariants };
}

async function onRealParts(
  world: World,
  options: Options,
  faults: number,
  tell: (line: string) => void,
): Promise<Outcome> {
  const run = await realRun(world);
  tell(`run real: ${faults} faults on vLLM, trainer, workers and servers`);
  await run.start();
  const driven = await follow(world, run, 'real', { ...options, faults }, tell);
  const { database, data } = world;
  const invariants = [
    completed(run.name, driven, faults),
    ...(await chunkInvariants(database, run.name)),
    ...(await fileInvariants(database, data, run.name)),
    ...(await jobInvariants(database, data, run.name)),
  ];
  return { run: run.name, ...driven, requests: null, invariants };
}

function follow(
  world: World,
  run: HarnessRun,
  kind: RunKind,
  { seed, faults, only }: Pick<Options, 'seed' | 'faults' | 'only'>,
  tell: (line: string) => void,
): Promise<Driven> {
  const { stretches, problems } = run;
  const schedule = makeSchedule(seed, faults, kind, stretches, only ?? FAULT_KINDS);
  return drive({ world, run: run.name, stretches, schedule, problems, inject: injections(run.start), tell });
}

function completed(run: string, { status, injected, left }: Driven, faults: number): Invariant {
  const broken = status === 'Completed' ? [] : [`it is ${status}`];
  if (left.length > 0) broken.push(`${left.length} faults found no place: ${left.join(', ')}`);
  return invariant(`run ${run} completes`, `${injected.length} of ${faults} faults put in`, broken);
}

function report({ run, seconds, invariants }: Outcome, tell: (line: string) => void): void {
  tell(`\nrun ${run} · ${seconds} s`);
  for (const one of invariants) show(one, tell);
}

const SHOWN_AS = { holds: 'ok    ', broken: 'BROKEN', 'not looked at': '–     ' } as const;

function show({ rule, looked, broken, verdict }: Invariant, tell: (line: string) => void): void {
  tell(`${SHOWN_AS[verdict]} ${rule} (${verdict === 'not looked at' ? `${verdict}: ` : ''}${looked})`);
  for (const line of broken) tell(`         ${line}`);
}

const whole = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Expected a whole number ≥ 0.');
  return value;
};

const kinds = (text: string): FaultKind[] =>
  text.split(',').map((kind) => {
    if (!Object.hasOwn(FAULTS, kind)) throw new InvalidArgumentError(`Expected faults of ${FAULT_KINDS.join(', ')}.`);
    return kind as FaultKind;
  });

const runs = (text: string): RunKind[] =>
  text.split(',').map((run) => {
    if (run !== 'load' && run !== 'real') throw new InvalidArgumentError('Expected load, real, or load,real.');
    return run;
  });

await new Command('chaos')
  .description('break real parts of real runs by a seeded schedule, and check what is left')
  .option('--seed <n>', 'seed of the schedule', whole, 0)
  .option('--faults <n>', 'faults over all runs', whole, 100)
  .option('--runs <names>', 'load, real or both', runs, ['load', 'real'])
  .option('--only <faults>', 'only these kinds of faults', kinds)
  .option('--documents <n>', 'documents of the load run', whole, 400)
  .option('--data <folder>', 'data folder; kept', undefined)
  .option('--keep', 'keep the data folder also when everything holds')
  .option('--json', 'close with one line of JSON')
  .addHelpText('after', '\nExample:\n  npm run chaos -- --seed 7 --faults 100 --json | tail -1')
  .action(async (options: Options) => {
    process.exitCode = await chaos(options);
  })
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error);
    // The drive of an interrupted run goes on else.
    process.exit(1);
  });
