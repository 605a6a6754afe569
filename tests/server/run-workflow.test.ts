import { Connection, WorkflowClient, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { temporal as temporalProto } from '@temporalio/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cause } from '../../workflows/contract/activities.ts';
import { MESSAGES, type Decision, type DecisionAnswer } from '../../workflows/contract/messages.ts';
import type { BenchmarkSettings, Recipe } from '../../workflows/contract/recipe.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { run } from '../../workflows/index.ts';
import { FakeActivities } from '../support/fake-activities.ts';
import { startFakeWorkers } from '../support/fake-workers.ts';
import { eventually } from '../support/eventually.ts';
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

/** Numbers of Temporal's event types. */
const { EventType } = temporalProto.api.enums.v1;
const CHILD_COMPLETED = Number(EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED);
const TASK_COMPLETED = Number(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED);
const SIGNALED = Number(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED);

let temporal: TestTemporal;
let client: WorkflowClient;
let stopWorkers: () => Promise<void>;
let fake: FakeActivities;
let count = 0;

beforeAll(async () => {
  temporal = await startTestTemporal();
  client = new WorkflowClient({ connection: await Connection.connect({ address: temporal.address }) });
  stopWorkers = await startFakeWorkers({ address: temporal.address, fake: () => fake, replayAlways: true });
});

afterAll(async () => {
  await stopWorkers();
  await client.connection.close();
  await temporal.stop();
});

beforeEach(() => {
  fake = new FakeActivities();
});

const benchmark: BenchmarkSettings = {
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

async function start(changes: Partial<Recipe> = {}): Promise<WorkflowHandle<typeof run>> {
  const name = `run-${process.pid}-${count++}`;
  const recipe = tinyRecipe({ name, evaluation: { ...tinyRecipe().evaluation, benchmarks: [benchmark] }, ...changes });
  return client.start(run, { workflowId: name, taskQueue: TASK_QUEUES.control, args: [{ run: name, recipe }] });
}

const parkedWorkflow = (): Promise<string> =>
  eventually('a parked step', () => fake.progress.at(-1)?.status === 'Parked' && fake.progress.at(-1)?.cause?.workflow);

const decide = (workflow: string, decision: Decision): Promise<DecisionAnswer> =>
  client.getHandle(workflow).executeUpdate<DecisionAnswer, [Decision]>(MESSAGES.decide, { args: [decision] });

describe('run', () => {
  it('goes base → warm start → iterations → arms, each M_t from what the recipe names, and gives every server back', async () => {
    const handle = await start({
      arms: [
        { name: 'k1', kind: 'latent', samples: 1 },
        { name: 'control', kind: 'control' },
        { name: 'raw', kind: 'raw', match: 'flops' },
      ],
    });
    await handle.result();
    const id = handle.workflowId;
    const trainings = fake.calls.filter((call) => call.startsWith('submitTraining'));
    expect(trainings).toEqual([
      `submitTraining latent/0 from ${id}/base/g0`,
      `submitTraining latent/1 from ${id}/base/g0`,
      `submitTraining latent/2 from ${id}/base/g0`,
      `submitTraining k1/1 from ${id}/base/g0`,
      `submitTraining k1/2 from ${id}/base/g0`,
      `submitTraining control/1 from ${id}/i0/m/latent-0/g0`,
      `submitTraining raw/2 from ${id}/base/g0`,
    ]);
    // The first iteration of another K shares the sampling of the loop; its second has its own.
    expect(fake.calls.filter((call) => call.startsWith('planEStep'))).toEqual([
      'planEStep latent/1',
      'planEStep latent/2',
      'planEStep k1/2',
    ]);
    expect(fake.calls).toContain('findEStep latent/1 K=1');
    expect(fake.calls.filter((call) => call.startsWith('sampleShard latent/1')).sort()).toEqual(
      [0, 1, 2, 3, 4].map((shard) => `sampleShard latent/1/${shard}`),
    );
    expect(fake.calls).toContain('runBenchmark raw/2 test raw');
    expect(fake.calls).toContain('runBenchmark k1/2 test latent');
    expect([...fake.servers]).toEqual([]);
    expect(fake.progress.at(-1)).toMatchObject({ status: 'Completed', phase: 'done', cause: null });
    const history = await client.getHandle(id).fetchHistory();
    expect(history.events?.length ?? 0).toBeLessThan(100);
  });

  it('has the ranges of a large split cut and written by activities of their own, and asks again', async () => {
    fake.ranges = 10;
    await (await start({ iterations: 1 })).result();
    const of = (name: string): string[] => fake.calls.filter((call) => call.startsWith(`${name} latent/1`));
    expect(of('planEStep')).toHaveLength(2);
    expect(of('cutDocuments').sort()).toEqual(
      Array.from({ length: 10 }, (_, range) => `cutDocuments latent/1 ${100 * range}`).sort(),
    );
    expect(of('buildTrainingSet')).toHaveLength(2);
    expect(of('writeTrainingRange')).toHaveLength(10);
  });

  it('parks when a training fails for good, and a retry runs it as another job with the settings decided', async () => {
    fake.failNext('awaitJob', 'TrainingFailed', 0);
    const handle = await start({ iterations: 1 });
    await eventually('the E-step', () => fake.calls.some((call) => call.startsWith('sampleShard')));
    fake.failNext('awaitJob', 'TrainingFailed');
    const workflow = await parkedWorkflow();
    const parked = fake.progress.at(-1);
    expect(parked).toMatchObject({ status: 'Parked', phase: 'm-step', cause: { type: 'TrainingFailed' } });
    expect(await decide(workflow, { action: 'retry', set: { 'fleet.servers': 2 } })).toEqual({
      workflow,
      action: 'retry',
    });
    await handle.result();
    expect(fake.calls).toContain(`awaitJob ${handle.workflowId}/i1/m/latent-0/g1`);
    expect(fake.calls.filter((call) => call.startsWith('superviseServer') && call.includes('/i1/eval')).length).toBe(2);
    // What was sampled before the failure is not sampled again.
    expect(fake.calls.filter((call) => call === 'sampleShard latent/1/0')).toHaveLength(1);
  });

  it('refuses a decision that changes the science, that skips what the loop needs, or that comes when nothing is parked', async () => {
    fake.failNext('finishEStep', 'TooManyRejections');
    const handle = await start({ iterations: 1 });
    const workflow = await parkedWorkflow();
    const refusedWith = async (id: string, decision: Decision): Promise<string> =>
      decide(id, decision).then(
        () => 'accepted',
        (error: unknown) => (error instanceof WorkflowUpdateFailedError ? String(error.cause?.message) : String(error)),
      );
    expect(await refusedWith(workflow, { action: 'retry', set: { 'e-step.samples': 8 } })).toMatch(/another run/);
    expect(await refusedWith(workflow, { action: 'skip' })).toMatch(/cannot go on without e-step/);
    expect(await refusedWith(handle.workflowId, { action: 'retry' })).toMatch(/not parked/);
    await decide(workflow, { action: 'abort' });
    await expect(handle.result()).rejects.toThrow();
    expect(fake.progress.at(-1)).toMatchObject({ status: 'Failed', cause: { type: 'Aborted' } });
    expect([...fake.servers]).toEqual([]);
  });

  it('a decision on a question that was answered answers no later one, be it of the same workflow or of another', async () => {
    fake.failNext('finishEStep', 'TooManyRejections', 2);
    const secondIteration = fake.hold('sampleShard latent/2/0');
    const handle = await start({ iterations: 2 });
    const asked = (): readonly Cause[] =>
      fake.progress.flatMap(({ status, cause }) => (status === 'Parked' && cause !== null ? [cause] : []));
    const questions = new Set<string>();
    for (let count = 1; count <= 3; count++) {
      const { workflow, question = '' } = await eventually(`question ${count}`, () => asked()[count - 1]);
      for (const former of questions) {
        await expect(decide(workflow, { action: 'abort', question: former })).rejects.toMatchObject({
          cause: {
            message: expect.stringMatching(
              new RegExp(`on question ${question}, found one on question ${former}: .*parked anew since`),
            ) as string,
          },
        });
      }
      questions.add(question);
      await decide(workflow, { action: 'retry', question });
      if (count === 2) {
        await eventually('the second iteration', () => fake.calls.includes('sampleShard latent/2/0'));
        fake.failNext('finishEStep', 'TooManyRejections');
        secondIteration();
      }
    }
    await handle.result();
    expect(questions.size).toBe(3);
    expect(new Set(asked().map(({ workflow }) => workflow)).size).toBe(2);
  });

  it('parks as soon as too many chunks are rejected, ends what is under way, and goes on with another limit', async () => {
    fake.shards = 40;
    fake.rejects = true;
    // A shard that would take for ever: it is cancelled, not waited for.
    fake.hang('sampleShard latent/1/1');
    const eStep = { ...tinyRecipe().eStep, shardsPerBatch: 20, concurrency: 2 };
    const handle = await start({ iterations: 1, eStep });
    const workflow = await parkedWorkflow();
    expect(fake.progress.at(-1)?.cause).toMatchObject({
      type: 'TooManyRejections',
      message: expect.stringMatching(/at most 50.0 % of 10 chunks.*found [67] of the first [67]/) as string,
    });
    const sampled = fake.calls.filter((call) => call.startsWith('sampleShard'));
    expect(sampled.length).toBeLessThan(20);
    fake.rejects = false;
    fake.hold('sampleShard latent/1/1')();
    await decide(workflow, { action: 'retry', set: { 'e-step.max_rejected': 0.9 } });
    await handle.result();
    expect(new Set(fake.calls.filter((call) => call.startsWith('sampleShard'))).size).toBe(40);
  });

  it('goes on without an evaluation that fails, unless the recipe requires it: then the operator may skip it', async () => {
    fake.failNext('runBenchmark', 'GradingFailed');
    const tolerant = await start({ iterations: 1 });
    await tolerant.result();
    expect(fake.events.some((event) => event.startsWith('evaluation-failed: latent, iteration 0'))).toBe(true);

    fake = new FakeActivities();
    fake.failNext('runBenchmark', 'GradingFailed');
    const evaluation = { ...tinyRecipe().evaluation, benchmarks: [benchmark], required: true };
    const strict = await start({ iterations: 1, evaluation });
    await decide(await parkedWorkflow(), { action: 'skip' });
    await strict.result();
    expect(fake.events.some((event) => event.startsWith('evaluation-skipped: latent, iteration 0'))).toBe(true);
  });

  it('parks where the store may not be written to, also between its steps, and goes on after a retry', async () => {
    fake.failNext('recordProgress', 'StoreBehind');
    const handle = await start({ iterations: 1 });
    const workflow = await parkedWorkflow();
    expect(fake.progress.at(-1)).toMatchObject({ phase: 'base', cause: { type: 'StoreBehind' } });
    expect(fake.calls).toEqual([]);
    const details = await client.getHandle(workflow).query<string>('__temporal_workflow_metadata');
    expect(JSON.stringify(details)).toContain('StoreBehind');

    fake.failNext('recordIteration', 'StoreBehind');
    await decide(workflow, { action: 'retry' });
    const later = await eventually(
      'the end of the warm start to park',
      () => fake.progress.at(-1)?.phase === 'evaluation' && fake.progress.at(-1)?.cause?.workflow,
    );
    expect(later).toBe(`${handle.workflowId}/i0`);
    await decide(later, { action: 'retry' });
    await handle.result();
    expect(fake.calls.filter((call) => call === 'recordIteration latent/0')).toHaveLength(2);
    // Nothing was done again but what had failed.
    expect(fake.calls.filter((call) => call.startsWith('submitTraining latent/0'))).toHaveLength(1);
  });

  it('goes on without no evaluation that the store refused: that parks', async () => {
    fake.failNext('runBenchmark', 'StoreBehind');
    const handle = await start({ iterations: 1 });
    const workflow = await parkedWorkflow();
    expect(fake.progress.at(-1)).toMatchObject({ phase: 'evaluation', cause: { type: 'StoreBehind' } });
    await decide(workflow, { action: 'retry' });
    await handle.result();
    expect(fake.events.some((event) => event.startsWith('evaluation-failed'))).toBe(false);
  });

  it('has a training set that was lost written again before its training is tried again', async () => {
    fake.failNext('submitTraining', 'TrainingSetInvalid');
    const handle = await start({ iterations: 1 });
    const workflow = await parkedWorkflow();
    expect(fake.progress.at(-1)).toMatchObject({ phase: 'm-step', cause: { type: 'TrainingSetInvalid' } });
    fake.failNext('buildTrainingSet', 'TrainingSetInvalid');
    await decide(workflow, { action: 'retry' });
    await eventually(
      'the set to be refused',
      () => fake.calls.filter((c) => c.startsWith('buildTrainingSet')).length === 2,
    );
    await decide(await parkedWorkflow(), { action: 'retry' });
    await handle.result();
    const warmStart = fake.calls
      .filter((call) => / latent\/0/.test(call))
      .filter((call) => /^(build|submit)/.test(call));
    expect(warmStart.map((call) => call.split(' ')[0])).toEqual([
      'buildTrainingSet',
      'submitTraining',
      'buildTrainingSet',
      'buildTrainingSet',
      'submitTraining',
    ]);
  });

  it('parks when its checkpoint is damaged, with the fleet’s cause', async () => {
    fake.hang('sampleShard');
    const handle = await start({ iterations: 1, evaluation: { ...tinyRecipe().evaluation, benchmarks: [] } });
    fake.failNext('superviseServer', 'CheckpointInvalid');
    await parkedWorkflow();
    expect(fake.progress.at(-1)).toMatchObject({ phase: 'e-step', cause: { type: 'CheckpointInvalid' } });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
  });

  it('parks when its fleet cannot be kept alive, with the fleet’s cause, not with a hanging E-step', async () => {
    fake.hang('sampleShard');
    fake.failNext('superviseServer', 'ServerStartFailed', 0);
    const handle = await start({ iterations: 1, evaluation: tinyRecipe().evaluation });
    fake.failNext('superviseServer', 'ServerStartFailed');
    await parkedWorkflow();
    expect(fake.progress.at(-1)).toMatchObject({ phase: 'e-step', cause: { type: 'ServerStartFailed' } });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
  });

  it('when cancelled stops its job and its servers and says so; started again it goes on', async () => {
    fake.hang('awaitJob');
    const handle = await start({ iterations: 1 });
    await eventually('a job under way', () => fake.calls.some((call) => call.startsWith('awaitJob')));
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect(fake.cancelled).toEqual([`${handle.workflowId}/base/g0`]);
    expect(fake.progress.at(-1)?.status).toBe('Canceled');

    fake = new FakeActivities();
    const recipe = tinyRecipe({ name: handle.workflowId, iterations: 1 });
    const again = await client.start(run, {
      workflowId: handle.workflowId,
      taskQueue: TASK_QUEUES.control,
      args: [{ run: handle.workflowId, recipe }],
    });
    await again.result();
    expect(fake.progress.at(-1)?.status).toBe('Completed');
  });

  it('when cancelled while it writes that it was resumed still gives its job back and says so', async () => {
    fake.hang('awaitJob');
    fake.hang('recordPause false');
    const handle = await start({ iterations: 1 });
    await eventually('a job under way', () => fake.calls.some((call) => call.startsWith('awaitJob')));
    await handle.signal(MESSAGES.pause);
    await eventually('the pause', () => fake.pauses.at(-1) === true);
    await handle.signal(MESSAGES.resume);
    await eventually('the word of the resume', () => fake.calls.includes('recordPause false'));
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect(fake.cancelled).toEqual([`${handle.workflowId}/base/g0`]);
    expect(fake.progress.at(-1)?.status).toBe('Canceled');
  });

  it('when paused starts no more shards until it is resumed', async () => {
    fake.shards = 40;
    const handle = await start({ iterations: 1 });
    await eventually('sampling', () => fake.calls.some((call) => call.startsWith('sampleShard')));
    await handle.signal(MESSAGES.pause);
    await eventually('the pause', () => fake.pauses.at(-1) === true);
    await handle.signal(MESSAGES.resume);
    await handle.result();
    expect(new Set(fake.calls.filter((call) => call.startsWith('sampleShard'))).size).toBe(40);
  });

  it('paused in an evaluation, ends what is under way and begins nothing until resumed, across continue-as-new', async () => {
    const release = fake.hold('runBenchmark');
    const handle = await start({ iterations: 1 });
    await eventually('an evaluation', () => fake.calls.some((call) => call.startsWith('runBenchmark latent/0')));
    const { runId } = await handle.describe();
    await handle.signal(MESSAGES.pause);
    await eventually('the pause', () => fake.pauses.at(-1) === true);
    release();
    // The workflow task after the child's end is where the run would go on.
    await eventually('the end of the warm start', async () => {
      const { events } = await handle.fetchHistory();
      const types = (events ?? []).map(({ eventType }) => Number(eventType));
      const ended = types.lastIndexOf(CHILD_COMPLETED);
      return (
        types.slice(ended).some((type) => type === TASK_COMPLETED) &&
        types.filter((t) => t === CHILD_COMPLETED).length === 2
      );
    });
    expect((await handle.describe()).runId).toBe(runId);
    expect(fake.calls.some((call) => call.startsWith('planEStep'))).toBe(false);
    await handle.signal(MESSAGES.resume);
    await handle.result();
    expect(fake.pauses).toEqual([true, false]);
    expect(fake.progress.at(-1)?.status).toBe('Completed');
  });

  it('paused in a training, does not begin its evaluation until resumed', async () => {
    const release = fake.hold('awaitJob');
    const handle = await start({ iterations: 1 });
    await eventually('the base model', () => fake.calls.some((call) => call.startsWith('awaitJob')));
    release();
    const releaseTraining = fake.hold('awaitJob');
    await eventually('a training', () =>
      fake.calls.some((call) => call.startsWith('awaitJob') && call.includes('/m/')),
    );
    await handle.signal(MESSAGES.pause);
    const child = client.getHandle(`${handle.workflowId}/i0`);
    const events = async (): Promise<number[]> =>
      ((await child.fetchHistory()).events ?? []).map(({ eventType }) => Number(eventType));
    await eventually('the pause in the warm start', async () => (await events()).includes(SIGNALED));
    releaseTraining();
    await eventually('the end of the training', async () => {
      const types = await events();
      const ended = types.lastIndexOf(CHILD_COMPLETED);
      return ended >= 0 && types.slice(ended).includes(TASK_COMPLETED);
    });
    expect(fake.progress.map(({ phase }) => phase)).not.toContain('evaluation');
    await handle.signal(MESSAGES.resume);
    await handle.result();
    expect(fake.progress.map(({ phase }) => phase)).toContain('evaluation');
  });

  it('asks about trials that fail side by side one after another, and none is forgotten', async () => {
    const handle = await start({ iterations: 1, mStep: { ...tinyRecipe().mStep, trials: 3 } });
    await eventually('the E-step', () => fake.calls.some((call) => call.startsWith('sampleShard')));
    fake.failNext('awaitJob', 'TrainingFailed', 3);
    for (let question = 1; question <= 3; question++) {
      const workflow = await eventually(`question ${question}`, () => {
        const asked = fake.progress.filter(({ status }) => status === 'Parked');
        return asked.length === question && fake.progress.at(-1)?.status === 'Parked' && asked.at(-1)?.cause?.workflow;
      });
      await decide(workflow, { action: 'retry' });
    }
    await handle.result();
    const again = fake.calls.filter((call) => /^awaitJob .*\/i1\/m\/latent-\d\/g1$/.test(call));
    expect(new Set(again).size).toBe(3);
  });

  it('an abort stops the other trials instead of waiting for them', async () => {
    const handle = await start({ iterations: 1, mStep: { ...tinyRecipe().mStep, trials: 3 } });
    await eventually('the E-step', () => fake.calls.some((call) => call.startsWith('sampleShard')));
    fake.failNext('awaitJob', 'TrainingFailed', 1);
    fake.hang('awaitJob');
    await decide(await parkedWorkflow(), { action: 'abort' });
    await expect(handle.result()).rejects.toThrow();
    expect(fake.cancelled).toHaveLength(2);
    expect(fake.progress.at(-1)).toMatchObject({ status: 'Failed', cause: { type: 'Aborted' } });
  });

  it('when cancelled while a job is being submitted stops the job that may be there', async () => {
    fake.failNext('submitTraining', 'DiskFull', 1_000);
    const handle = await start({ iterations: 1 });
    await eventually('a submission', () => fake.calls.some((call) => call.startsWith('submitTraining')));
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect(fake.cancelled).toEqual([`${handle.workflowId}/i0/m/latent-0/g0`]);
    expect(fake.progress.at(-1)?.status).toBe('Canceled');
  });

  it('shows in the Web UI what was made, and finds each execution under its own iteration', async () => {
    const handle = await start({ iterations: 1 });
    await handle.result();
    const id = handle.workflowId;
    const details = async (workflow: string): Promise<string> => {
      const { currentDetails } = await client
        .getHandle(workflow)
        .query<{ currentDetails: string }>('__temporal_workflow_metadata');
      return currentDetails;
    };
    expect(await details(id)).toMatch(/\*\*Completed\*\*[^]*\*\*M_0\*\* · loss 1[^]*\*\*M_1\*\* · loss 1 · ESS 1/);
    expect(await details(`${id}/i1`)).toMatch(/E-step: 1 chunks[^]*ELBO -1[^]*M-step, trial 0: loss 1/);
    expect(await details(`${id}/i1/e`)).toMatch(/^E-step: 1 chunks/);
    expect(await details(`${id}/i1/e/b0`)).toMatch(/\*\*2 of 2 shards\*\* · 0 failed\n\n2 chunks/);
    const { typedSearchAttributes } = await handle.describe();
    const shown = typedSearchAttributes.getAll().map(({ key, value }) => `${key.name} ${String(value)}`);
    expect(shown).toEqual(expect.arrayContaining(['ThoughtloopIteration 1', 'ThoughtloopStatus Completed']));
  });
});
