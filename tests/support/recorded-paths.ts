import type { WorkflowHandle } from '@temporalio/client';
import type { Decision, RunState } from '../../workflows/contract/messages.ts';
import type { BenchmarkSettings, Recipe } from '../../workflows/contract/recipe.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import type { Phase } from '../../workflows/contract/search-attributes.ts';
import type { run } from '../../workflows/index.ts';
import { eventually } from './eventually.ts';
import type { FakeActivities } from './fake-activities.ts';
import { tinyRecipe } from './tiny-recipe.ts';

/** What a path is played with: real workflows on a real server over activities in memory. */
export interface Stage {
  /** The other side of the workflows; `renewFake` makes another one, without plans and calls. */
  readonly fake: FakeActivities;
  readonly renewFake: () => void;
  /**
   * Starts the path's run, of one iteration unless said otherwise.
   * @param state where it begins, as a run does that continues as new or is forked; at its beginning without.
   */
  readonly start: (changes?: Partial<Recipe>, state?: RunState) => Promise<WorkflowHandle<typeof run>>;
  readonly decide: (workflow: string, decision: Decision) => Promise<void>;
  readonly signal: (message: 'pause' | 'resume') => Promise<void>;
  /** Brings up workers of another version beside those there are, and lets them have what is new. */
  readonly deployNextVersion: () => Promise<void>;
}

/** A way that a run can go, and which of its histories are kept. */
export interface RecordedPath {
  readonly name: string;
  /** Workflow, as its id goes on after the run's name (`''` the run itself) → how many executions of it there are. */
  readonly keep: Readonly<Record<string, number>>;
  readonly play: (stage: Stage) => Promise<unknown>;
}

/** Names of the files of a path: each execution of what it keeps. */
export function filesOf({ keep }: RecordedPath): string[] {
  return Object.entries(keep).flatMap(([workflow, executions]) =>
    Array.from({ length: executions }, (_, index) => fileOf(workflow, index, executions)),
  );
}

/** Name of the file of the `index`th of a workflow's executions. */
export function fileOf(workflow: string, index: number, executions: number): string {
  const name = workflow === '' ? 'run' : workflow.replaceAll('/', '.');
  return executions === 1 ? `${name}.json` : `${name}.${index + 1}.json`;
}

const BENCHMARK: BenchmarkSettings = {
  name: 'test',
  file: 'test.jsonl',
  digest: '0'.repeat(64),
  format: 'jsonl',
  question: '{problem}',
  shots: null,
  grader: 'exact',
  stop: [],
  limit: null,
  maxTokens: 8,
};

const evaluated = (changes: Partial<Recipe['evaluation']> = {}): Pick<Recipe, 'evaluation'> => ({
  evaluation: { ...tinyRecipe().evaluation, benchmarks: [BENCHMARK], ...changes },
});

const called = (fake: FakeActivities, call: string): Promise<boolean> =>
  eventually(call, () => fake.calls.some((made) => made.startsWith(call)));

/** The workflow that waits for a decision, in a phase where one is given. */
const parked = (fake: FakeActivities, phase?: Phase): Promise<string> =>
  eventually('a parked step', () => {
    const last = fake.progress.at(-1);
    return last?.status === 'Parked' && (phase ?? last.phase) === last.phase && last.cause?.workflow;
  });

/** A run that ends by abort or cancellation. */
const ends = (handle: WorkflowHandle<typeof run>): Promise<unknown> =>
  handle.result().then(
    () => Promise.reject(new Error(`Expected ${handle.workflowId} to be ended, found it completed`)),
    () => undefined,
  );

/** Every path that a run can take. */
export const RECORDED_PATHS: readonly RecordedPath[] = [
  {
    name: 'happy',
    keep: {
      '': 6,
      base: 1,
      i0: 1,
      'i0/m/latent-0': 1,
      'i0/eval/latent-0-test': 1,
      'i0/eval/latent-0-held-out': 1,
      'i0/eval/latent-0/fleet': 1,
      i1: 1,
      'i1/e': 1,
      'i1/e/b0': 1,
      'i1/fleet': 1,
      'arm/k1': 1,
      'arm/k1/i1': 1,
      'arm/control': 1,
      'arm/raw': 1,
    },
    play: async ({ start }) => {
      const arms: Recipe['arms'] = [
        { name: 'k1', kind: 'latent', samples: 1 },
        { name: 'control', kind: 'control' },
        { name: 'raw', kind: 'raw', match: 'flops' },
      ];
      const heldOut = { split: 'held-out', documents: 1, samples: 1 };
      await (await start({ arms, ...evaluated({ heldOut }) })).result();
    },
  },
  {
    name: 'parked-and-retried',
    keep: { i1: 1, 'i1/m/latent-0': 2 },
    play: async ({ fake, start, decide }) => {
      const release = fake.hold('sampleShard');
      const handle = await start();
      await called(fake, 'sampleShard');
      fake.failNext('awaitJob', 'TrainingFailed');
      release();
      await decide(await parked(fake), { action: 'retry', set: { 'm-step.checkpoint_every': 1 } });
      await handle.result();
    },
  },
  {
    name: 'skipped',
    keep: { i0: 1, 'i0/eval/latent-0-test': 1 },
    play: async ({ fake, start, decide }) => {
      fake.failNext('runBenchmark', 'GradingFailed');
      const handle = await start(evaluated({ required: true }));
      await decide(await parked(fake), { action: 'skip' });
      await handle.result();
    },
  },
  {
    name: 'aborted',
    keep: { '': 1, i0: 1 },
    play: async ({ fake, start, decide }) => {
      fake.failNext('buildTrainingSet', 'CorpusInvalid');
      const handle = await start();
      await decide(await parked(fake), { action: 'abort' });
      await ends(handle);
    },
  },
  {
    name: 'cancelled',
    keep: { '': 2, i1: 1, 'i1/e': 1, 'i1/e/b0': 1, 'i1/fleet': 1 },
    play: async ({ fake, start }) => {
      fake.hang('sampleShard');
      const handle = await start();
      await called(fake, 'sampleShard');
      await handle.cancel();
      await ends(handle);
    },
  },
  {
    name: 'cancelled-and-started-again',
    keep: { '': 4, base: 2 },
    play: async ({ fake, renewFake, start }) => {
      fake.hang('awaitJob');
      const handle = await start();
      await called(fake, 'awaitJob');
      await handle.cancel();
      await ends(handle);
      renewFake();
      await (await start()).result();
    },
  },
  {
    name: 'paused-and-resumed',
    keep: { '': 3, i0: 1, i1: 1, 'i1/e': 1, 'i1/e/b0': 1 },
    play: async ({ fake, start, signal }) => {
      const pauseIn = async (activity: string): Promise<void> => {
        const release = fake.hold(activity);
        await called(fake, activity);
        await signal('pause');
        await eventually('the pause', () => fake.pauses.at(-1) === true);
        release();
      };
      const resume = async (): Promise<void> => {
        await signal('resume');
        await eventually('the resumption', () => fake.pauses.at(-1) === false);
      };
      const releaseSampling = fake.hold('sampleShard');
      const handle = await start(evaluated());
      await pauseIn('runBenchmark');
      await called(fake, 'recordIteration latent/0');
      await resume();
      await called(fake, 'sampleShard');
      await signal('pause');
      await eventually('the second pause', () => fake.pauses.length === 3);
      releaseSampling();
      await resume();
      await handle.result();
    },
  },
  {
    name: 'continued-as-new-on-another-version',
    keep: { '': 4 },
    play: async ({ fake, start, deployNextVersion }) => {
      const release = fake.hold('awaitJob');
      const handle = await start({ iterations: 2 });
      await called(fake, 'awaitJob');
      await deployNextVersion();
      release();
      await handle.result();
    },
  },
  {
    name: 'forked',
    keep: { '': 2, i2: 1, 'i2/e': 1 },
    play: async ({ start }) => {
      const [base, first, second] = ['base', 'i0', 'i1'].map((part) => ({
        key: `source/${part}`,
        digest: `source/${part}`,
        folder: `runs/source/${part}`,
      })) as [CheckpointRef, CheckpointRef, CheckpointRef];
      const state: RunState = { next: { kind: 'iteration', iteration: 2 }, base, models: [first, second], lines: [] };
      await (await start({ iterations: 2 }, state)).result();
    },
  },
  {
    name: 'server-lost',
    keep: { 'i1/e': 1, 'i1/e/b0': 1, 'i1/fleet': 1 },
    play: async ({ fake, start }) => {
      fake.failNext('superviseServer', 'ServerLost');
      fake.failNext('sampleShard', 'ServerLost');
      await (await start()).result();
    },
  },
  {
    name: 'fleet-given-up',
    keep: { i1: 1, 'i1/e': 2, 'i1/fleet': 2 },
    play: async ({ fake, start, decide }) => {
      const release = fake.hold('sampleShard');
      fake.failNext('superviseServer', 'ServerStartFailed');
      const handle = await start();
      const workflow = await parked(fake);
      release();
      await decide(workflow, { action: 'retry' });
      await handle.result();
    },
  },
  {
    name: 'trials-side-by-side',
    keep: { i1: 1 },
    play: async ({ fake, start, decide }) => {
      const release = fake.hold('sampleShard');
      const handle = await start({ mStep: { ...tinyRecipe().mStep, trials: 3 } });
      await called(fake, 'sampleShard');
      fake.failNext('submitTraining', 'RecipeInvalid');
      release();
      await decide(await parked(fake), { action: 'retry' });
      await handle.result();
    },
  },
  {
    name: 'evaluation-failed-and-tolerated',
    keep: { i0: 1, 'i0/eval/latent-0-test': 1 },
    play: async ({ fake, start }) => {
      fake.failNext('runBenchmark', 'GradingFailed');
      await (await start(evaluated())).result();
    },
  },
  {
    name: 'store-refused',
    keep: { '': 3, i0: 1 },
    play: async ({ fake, start, decide }) => {
      fake.failNext('recordProgress', 'StoreBehind');
      const handle = await start();
      const workflow = await parked(fake);
      fake.failNext('recordIteration', 'StoreBehind');
      await decide(workflow, { action: 'retry' });
      await decide(await parked(fake, 'evaluation'), { action: 'retry' });
      await handle.result();
    },
  },
  {
    name: 'in-ranges',
    keep: { i0: 1, i1: 1, 'i1/e': 1 },
    play: async ({ fake, start }) => {
      fake.ranges = 10;
      await (await start()).result();
    },
  },
  {
    name: 'training-set-lost',
    keep: { i0: 1 },
    play: async ({ fake, start, decide }) => {
      fake.failNext('submitTraining', 'TrainingSetInvalid');
      const handle = await start();
      await decide(await parked(fake), { action: 'retry' });
      await handle.result();
    },
  },
];
