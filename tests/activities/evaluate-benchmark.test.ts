import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEvaluationActivities } from '../../activities/evaluation/activities.ts';
import { MARKER_TEXTS } from '../../activities/vllm/tokenizer.ts';
import type { RunBenchmarkInput } from '../../workflows/contract/activities.ts';
import type { BenchmarkSettings, EvaluationSettings } from '../../workflows/contract/recipe.ts';
import type { CheckpointRef, Metric } from '../../workflows/contract/references.ts';
import { createEvaluationFixture, FLEET, PLACE, type EvaluationFixture } from '../support/evaluation-fixture.ts';
import { eventually } from '../support/eventually.ts';
import type { FakeVllmServer } from '../support/fake-vllm-server.ts';
import type { ToyLanguageModel } from '../support/toy-language-model.ts';
import { TOY } from '../support/toy-model.ts';

const { startOfLatent, endOfLatent, priorPrefix } = TOY.markers;
const LETTERS = 'abcd ';
const MAX_TOKENS = 6;
const settings: EvaluationSettings = { benchmarks: [], heldOut: null, concurrency: 4, required: true };

/** The toy tokenizer: one id a letter. */
const encode = (text: string): number[] => [...text].map((letter) => 7 + LETTERS.indexOf(letter));
const SPECIAL = ['<s>', '</s>', '<unk>', ...Object.values(MARKER_TEXTS)];
const decode = (ids: readonly number[]): string => ids.map((id) => SPECIAL[id] ?? LETTERS[id - 7]).join('');

/** What the toy model goes on with, greedily, in the latent form. */
function greedy(language: ToyLanguageModel, prompt: readonly number[]): number[] {
  const ids: number[] = [];
  while (ids.length < MAX_TOKENS) {
    const logprobs = language.next([...prompt, ...ids]);
    ids.push(logprobs.indexOf(logprobs.reduce((a, b) => Math.max(a, b), -Infinity)));
    if (([TOY.end, startOfLatent] as number[]).includes(ids.at(-1) ?? -1)) break;
  }
  return ids;
}

/** 64 questions of three letters. */
const QUESTIONS = Array.from({ length: 64 }, (_, index) =>
  [index >> 4, (index >> 2) & 3, index & 3].map((letter) => LETTERS[letter]).join(''),
);

let fixture: EvaluationFixture;
let checkpoint: CheckpointRef;
let language: ToyLanguageModel;
let server: FakeVllmServer;
let benchmark: BenchmarkSettings;
/** The answers behind EOL that the model gives; null where its thought does not end. */
let given: (string | null)[];

beforeAll(async () => {
  fixture = await createEvaluationFixture();
  ({ ref: checkpoint, language } = await fixture.addCheckpoint('m1'));
  server = await fixture.serve(checkpoint);
  given = QUESTIONS.map((question) => {
    const ids = greedy(language, [TOY.beginning, ...encode(question), startOfLatent, priorPrefix]);
    const thought = ids.indexOf(endOfLatent);
    if (thought < 0) return null;
    const behind = ids.slice(thought + 1).filter((id) => id !== TOY.end && id !== startOfLatent);
    return decode(behind).trim();
  });
  // Every other problem has the answer that the model will give.
  const lines = QUESTIONS.map((problem, index) => {
    const answer = given[index] ?? '';
    return { problem, answer: index % 2 === 0 && answer !== '' ? answer : 'd d d' };
  });
  const file = await fixture.addProblems('letters', lines);
  benchmark = {
    name: 'letters',
    ...file,
    format: 'jsonl',
    question: '{problem}',
    shots: null,
    grader: 'exact',
    stop: [],
    limit: null,
    maxTokens: MAX_TOKENS,
  };
});
afterAll(() => fixture.close());

function input(change: Partial<BenchmarkSettings>, ref = checkpoint): RunBenchmarkInput {
  const asked = { place: PLACE, trial: 0, fleet: FLEET, checkpoint: ref, settings, seed: 1, maxModelLen: null };
  return { ...asked, benchmark: { ...benchmark, ...change }, form: 'latent' };
}

function run(
  evaluated: RunBenchmarkInput,
  environment = new MockActivityEnvironment(),
  noServerMs = 30_000,
): Promise<readonly Metric[]> {
  const activities = createEvaluationActivities(fixture, { noServerMs, pauseMs: 10, longestPauseMs: 50 });
  return environment.run((asked: RunBenchmarkInput) => activities.runBenchmark(asked), evaluated);
}

const value = (metrics: readonly Metric[], name: string): number | undefined =>
  metrics.find((metric) => metric.name === name)?.value;

/** Requests for whole answers, those of admission and probing left out. */
const questionsAsked = (): number[][] =>
  server.bodies.filter(({ max_tokens }) => max_tokens === MAX_TOKENS).map(({ prompt }) => prompt as number[]);

async function rowsOf(name: string): Promise<Record<string, unknown>[]> {
  const { rows } = await fixture.database.query<Record<string, unknown>>(
    'select * from completions where evaluation = $1 order by problem',
    [`toy/i1/eval/latent-0-${name}`],
  );
  return rows;
}

test('every problem is asked once, greedily, and its answer is graded and kept', async () => {
  const metrics = await run(input({ name: 'plain' }));
  const asked = questionsAsked();
  expect(asked).toHaveLength(QUESTIONS.length);
  expect(new Set(asked.map(String)).size).toBe(QUESTIONS.length);
  expect(asked[0]).toEqual([TOY.beginning, ...encode('aaa'), startOfLatent, priorPrefix]);
  expect(server.bodies.at(-1)).toMatchObject({
    temperature: 0,
    n: 1,
    top_p: 1,
    top_k: 0,
    min_p: 0,
    repetition_penalty: 1,
    stop_token_ids: [TOY.end, startOfLatent],
    skip_special_tokens: false,
  });

  const rows = await rowsOf('plain');
  expect(rows).toHaveLength(QUESTIONS.length);
  for (const [index, row] of rows.entries()) {
    const prompt = [TOY.beginning, ...encode(QUESTIONS[index] ?? ''), startOfLatent, priorPrefix];
    const answer = given[index] ?? '';
    expect(row).toMatchObject({
      token_ids: greedy(language, prompt),
      prompt_tokens: prompt.length,
      answer: answer === '' ? null : answer.split(/ +/).join(' '),
      verdict: answer === '' ? 'ungraded' : index % 2 === 0 || answer === 'd d d' ? 'right' : 'wrong',
    });
  }
  const count = (verdict: string): number => rows.filter((row) => row['verdict'] === verdict).length;
  const p = count('right') / QUESTIONS.length;
  // The toy model answers in all three ways, or the test shows nothing.
  expect([count('right') > 0, count('wrong') > 0, count('ungraded') > 0]).toEqual([true, true, true]);
  expect(metrics[0]).toEqual({
    name: 'accuracy',
    value: p,
    standardError: Math.sqrt((p * (1 - p)) / QUESTIONS.length),
    n: QUESTIONS.length,
  });
  expect(value(metrics, 'ungraded')).toBe(count('ungraded'));
});

test('a finished benchmark is answered from the store, also when no server is left', async () => {
  await run(input({ name: 'again' }));
  const recorded = [{ name: 'accuracy', value: 0.125, standardError: 0.5, n: 64 }];
  await fixture.database.query(`update evaluations set metrics = $1 where benchmark = 'again'`, [
    JSON.stringify(recorded),
  ]);
  const before = server.counts.sample;
  await fixture.database.query(`update servers set state = 'gone'`);
  try {
    await expect(run(input({ name: 'again' }))).resolves.toEqual(recorded);
    const unserved = run(input({ name: 'other' }), new MockActivityEnvironment(), 300);
    await expect(unserved).rejects.toMatchObject({ type: 'NoServer', nonRetryable: false });
  } finally {
    await fixture.database.query(`update servers set state = 'ready'`);
  }
  expect(server.counts.sample).toBe(before);
});

test('an evaluator killed in the middle leaves to the next only what has no row', async () => {
  server.latencyMs = 30;
  const evaluated = { ...input({ name: 'killed' }), settings: { ...settings, concurrency: 2 } };
  const child = spawn(process.execPath, [
    'tests/support/evaluate-benchmark.ts',
    fixture.databaseUrl,
    fixture.dataFolder,
    JSON.stringify(evaluated),
  ]);
  const exited = once(child, 'exit');
  try {
    await eventually('ten answers in the store', async () => (await rowsOf('killed')).length >= 10);
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
  server.latencyMs = 0;
  const durable = (await rowsOf('killed')).map(({ problem }) => problem as number);
  expect(durable.length).toBeLessThan(QUESTIONS.length);

  const before = questionsAsked().length;
  const metrics = await run(evaluated);
  const again = questionsAsked().slice(before).map(String);
  const promptOf = (problem: number): string =>
    String([TOY.beginning, ...encode(QUESTIONS[problem] ?? ''), startOfLatent, priorPrefix]);
  expect(again.filter((prompt) => durable.map(promptOf).includes(prompt))).toEqual([]);
  expect(new Set(again).size).toBe(again.length);
  expect(await rowsOf('killed')).toHaveLength(QUESTIONS.length);
  expect(metrics).toEqual(await run(input({ name: 'plain' })));
});

test('a cancelled benchmark stops asking and ends as cancelled', async () => {
  server.latencyMs = 30;
  const environment = new MockActivityEnvironment();
  const running = run(input({ name: 'cancelled' }), environment);
  const ended = expect(running).rejects.toMatchObject({ name: 'CancelledFailure' });
  await eventually('an answer in the store', async () => (await rowsOf('cancelled')).length > 0);
  environment.cancel();
  await ended;
  server.latencyMs = 0;
  expect((await rowsOf('cancelled')).length).toBeLessThan(QUESTIONS.length);
});

test('a server that fails in between costs no answer', async () => {
  const running = run(input({ name: 'troubled' }));
  await eventually('an answer in the store', async () => (await rowsOf('troubled')).length > 0);
  server.fail({ kind: 'status', status: 500, times: 2 });
  await expect(running).resolves.toEqual(await run(input({ name: 'plain' })));
  server.fail(null);
});

test('the figures of another checkpoint or other settings are not taken for these', async () => {
  const first = await run(input({ name: 'kept' }));
  const shorter = await run(input({ name: 'kept', limit: 10 }));
  expect(shorter[0]?.n).toBe(10);
  expect(await rowsOf('kept')).toHaveLength(10);

  const other = await fixture.addCheckpoint('m2', { seed: 2 });
  const otherServer = await fixture.serve(other.ref);
  try {
    const otherMetrics = await run(input({ name: 'kept' }, other.ref));
    expect(otherMetrics).not.toEqual(first);
    expect(otherServer.counts.sample).toBeGreaterThanOrEqual(QUESTIONS.length);
  } finally {
    server = await fixture.serve(checkpoint);
  }
  await expect(run(input({ name: 'kept' }))).resolves.toEqual(first);
});

describe('a problem that cannot be asked', () => {
  test('is recorded as too long where it does not fit the model, and the others are asked', async () => {
    const lines = [
      { problem: 'a'.repeat(60), answer: 'a' },
      { problem: 'aaa', answer: 'a' },
    ];
    const metrics = await run(input({ name: 'long', ...(await fixture.addProblems('long', lines)) }));
    expect(await rowsOf('long')).toMatchObject([
      { finish: 'too-long', verdict: 'ungraded', prompt_tokens: 63, token_ids: [] },
      { problem: 1 },
    ]);
    expect([value(metrics, 'notAsked'), metrics[0]?.n]).toEqual([1, 2]);
  });

  test('is recorded as refused where the server holds less than the model', async () => {
    const { ref } = await fixture.addCheckpoint('short', { contextLength: 40 });
    const short = await fixture.serve(checkpoint, { model: `${fixture.dataFolder}/${ref.folder}/model` });
    const lines = [
      { problem: 'a'.repeat(40), answer: 'a' },
      { problem: 'aaa', answer: 'a' },
    ];
    const metrics = await run(input({ name: 'refused', ...(await fixture.addProblems('refused', lines)) }));
    expect(await rowsOf('refused')).toMatchObject([{ finish: 'refused', verdict: 'ungraded' }, { problem: 1 }]);
    expect(value(metrics, 'notAsked')).toBe(1);
    await short.stop();
    server = await fixture.serve(checkpoint);
  });

  test('is no result when it is all of them', async () => {
    const lines = [{ problem: 'a'.repeat(60), answer: 'a' }];
    const file = await fixture.addProblems('none', lines);
    await expect(run(input({ name: 'none', ...file }))).rejects.toMatchObject({ type: 'RecipeInvalid' });
  });
});

test('examples stand before the question, and how many were shown is told', async () => {
  const shots = await fixture.addProblems('shots', [
    { problem: 'dd', solution: 'cc', answer: 'b' },
    { problem: 'd'.repeat(60), solution: 'cc', answer: 'b' },
  ]);
  const before = questionsAsked().length;
  const metrics = await run(input({ name: 'shots', limit: 2, shots: { ...shots, count: 2 } }));
  const question = [...encode('aaa'), startOfLatent, priorPrefix];
  // The newline is unknown to the toy tokenizer.
  const example = [...encode('dd'), startOfLatent, priorPrefix, ...encode('cc'), endOfLatent, ...encode(' b'), 2, 2];
  expect(questionsAsked()[before]).toEqual([TOY.beginning, ...example, ...question]);
  expect(metrics.at(-1)).toEqual({ name: 'shots', value: 1, standardError: null, n: 2 });
});

test('a checkpoint without its files is not evaluated', async () => {
  const ref = { ...checkpoint, folder: 'runs/toy/none' };
  await expect(run(input({ name: 'gone' }, ref))).rejects.toMatchObject({ type: 'CheckpointInvalid' });
});
