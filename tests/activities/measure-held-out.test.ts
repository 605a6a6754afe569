import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEvaluationActivities } from '../../activities/evaluation/activities.ts';
import { documentBound } from '../../activities/evaluation/document-likelihood.ts';
import { heldOutSeed } from '../../activities/evaluation/held-out-seed.ts';
import type { MeasureHeldOutInput } from '../../workflows/contract/activities.ts';
import type { EStepSettings } from '../../workflows/contract/recipe.ts';
import type { CheckpointRef, Metric } from '../../workflows/contract/references.ts';
import { createEvaluationFixture, FLEET, PLACE, type EvaluationFixture } from '../support/evaluation-fixture.ts';
import type { FakeVllmServer } from '../support/fake-vllm-server.ts';
import { inProcessModel } from '../support/in-process-model.ts';
import type { ToyLanguageModel } from '../support/toy-language-model.ts';
import { TOY } from '../support/toy-model.ts';

const LETTERS = 'abcd ';
const encode = (text: string): number[] => [...text].map((letter) => 7 + LETTERS.indexOf(letter));
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const DOCUMENTS = [
  { context: 'ab', text: 'cd a' },
  { context: null, text: 'dd' },
  { context: 'c', text: 'a b c' },
  { context: 'a', text: 'b' },
];
const SAMPLES = 4;
const MAX_THOUGHT = 5;
const EVALUATION = 'toy/i1/eval/latent-0-held-out';

let fixture: EvaluationFixture;
let checkpoint: CheckpointRef;
let language: ToyLanguageModel;
let server: FakeVllmServer;

beforeAll(async () => {
  fixture = await createEvaluationFixture();
  ({ ref: checkpoint, language } = await fixture.addCheckpoint('m1'));
  server = await fixture.serve(checkpoint);
  await fixture.addSplit('held-out', DOCUMENTS);
  await fixture.addSplit('long', [{ context: null, text: 'a'.repeat(70) }, ...DOCUMENTS]);
});
afterAll(() => fixture.close());

function measure(change: Partial<MeasureHeldOutInput> = {}, documents = 100): Promise<readonly Metric[]> {
  const activities = createEvaluationActivities(fixture, { noServerMs: 30_000, pauseMs: 10, longestPauseMs: 50 });
  const input: MeasureHeldOutInput = {
    place: PLACE,
    trial: 0,
    fleet: FLEET,
    checkpoint,
    settings: {
      benchmarks: [],
      heldOut: { split: 'held-out', documents, samples: SAMPLES },
      concurrency: 8,
      required: true,
    },
    seed: 11,
    maxModelLen: null,
    corpus: { name: 'toy', split: 'held-out' },
    segmentation: { kind: 'whole' },
    eStep: { maxThoughtTokens: MAX_THOUGHT } as EStepSettings,
    form: 'latent',
    fidelity: 'corrected',
    ...change,
  };
  return new MockActivityEnvironment().run(() => activities.measureHeldOut(input));
}

const metric = (metrics: readonly Metric[], name: string): Metric | undefined =>
  metrics.find((candidate) => candidate.name === name);

/** Exact −log p of a document's text behind its context. */
function exactNll({ context, text }: (typeof DOCUMENTS)[number]): number {
  const prefix = [TOY.beginning, ...encode(context ?? '')];
  return -sum(language.score([...prefix, ...encode(text)], prefix.length));
}

test('NLL is exact, and the bound is that of the same draws without a server between', async () => {
  const metrics = await measure();
  const exact = DOCUMENTS.map(exactNll);
  expect(metric(metrics, 'nll')?.value).toBeCloseTo(sum(exact) / exact.length, 10);
  expect(metric(metrics, 'nll')?.n).toBe(DOCUMENTS.length);
  expect(metric(metrics, 'nllPerToken')?.value).toBeCloseTo(sum(exact) / 12, 10);

  const { rows } = await fixture.database.query(
    'select document, tokens, nll, elbo from likelihoods where evaluation = $1 order by document',
    [EVALUATION],
  );
  const model = { beginning: TOY.beginning, markers: TOY.markers, contextLength: 64 };
  for (const [index, { context, text }] of DOCUMENTS.entries()) {
    const document = { context: encode(context ?? ''), chunks: [encode(text)] };
    const seed = (chunk: number): number => heldOutSeed({ seed: 11, iteration: 1, document: index, chunk });
    const settings = { fidelity: 'corrected', samples: SAMPLES, maxThoughtTokens: MAX_THOUGHT, seed } as const;
    const { elbo } = await documentBound(inProcessModel(language), model, document, settings);
    const row = rows[index] as { document: number; tokens: number; nll: number; elbo: number[] };
    expect(row).toMatchObject({ document: index, tokens: text.length });
    expect(row.nll).toBeCloseTo(exact[index] ?? Number.NaN, 10);
    expect(row.elbo).toHaveLength(SAMPLES);
    for (const [n, value] of row.elbo.entries()) expect(value).toBeCloseTo(elbo?.[n] ?? Number.NaN, 10);
  }
  expect(metric(metrics, 'elbo')?.value).toBeCloseTo(
    sum(rows.map(({ elbo }: { elbo: number[] }) => elbo.at(-1) ?? Number.NaN)) / rows.length,
    10,
  );
  expect(metric(metrics, 'elbo')?.value).toBe(metric(metrics, `elbo${SAMPLES}`)?.value);
});

test('begun again, only the documents without figures are measured, and the figures are the same', async () => {
  const first = await measure();
  await fixture.database.query('update evaluations set finished_at = null, metrics = null where evaluation = $1', [
    EVALUATION,
  ]);
  await fixture.database.query('delete from likelihoods where evaluation = $1 and document in (1, 2)', [EVALUATION]);
  server.bodies.length = 0;
  await expect(measure()).resolves.toEqual(first);
  const sampled = server.bodies.filter(({ n, temperature }) => n === SAMPLES && temperature === 1);
  const { startOfLatent, endOfLatent, posteriorPrefix } = TOY.markers;
  const propose = (context: string, text: string): number[] => {
    return [0, ...encode(context), startOfLatent, endOfLatent, ...encode(text), startOfLatent, posteriorPrefix];
  };
  expect(sampled.map(({ prompt }) => String(prompt)).toSorted()).toEqual(
    [propose('', 'dd'), propose('c', 'a b c')].map(String).toSorted(),
  );

  server.bodies.length = 0;
  await expect(measure()).resolves.toEqual(first);
  expect(server.bodies).toEqual([]);
});

test('a raw model has an NLL and no bound, and nothing is sampled', async () => {
  const place = { ...PLACE, arm: 'raw-tokens' };
  server.bodies.length = 0;
  const metrics = await measure({ form: 'raw', place });
  expect(metrics.some(({ name }) => name.startsWith('elbo'))).toBe(false);
  expect(metric(metrics, 'nll')?.value).toBeCloseTo(sum(DOCUMENTS.map(exactNll)) / DOCUMENTS.length, 10);
  expect(server.bodies.filter(({ n }) => n === SAMPLES)).toEqual([]);
});

test('only the first documents of the split are measured', async () => {
  const metrics = await measure({ place: { ...PLACE, iteration: 2 } }, 2);
  expect(metric(metrics, 'nll')?.value).toBeCloseTo(sum(DOCUMENTS.slice(0, 2).map(exactNll)) / 2, 10);
  expect(metric(metrics, 'notMeasured')?.n).toBe(2);
});

describe('documents that cannot be measured', () => {
  test('are counted where the model cannot hold them', async () => {
    const corpus = { name: 'toy', split: 'long' };
    const metrics = await measure({ place: { ...PLACE, iteration: 3 }, corpus });
    expect(metric(metrics, 'notMeasured')).toEqual({ name: 'notMeasured', value: 1, standardError: null, n: 5 });
    expect(metric(metrics, 'nll')?.value).toBeCloseTo(sum(DOCUMENTS.map(exactNll)) / DOCUMENTS.length, 10);
    await expect(measure({ place: { ...PLACE, iteration: 4 }, corpus }, 1)).rejects.toMatchObject({
      type: 'RecipeInvalid',
    });
  });

  test('are no result where there is no such split', async () => {
    const corpus = { name: 'toy', split: 'none' };
    await expect(measure({ place: { ...PLACE, iteration: 5 }, corpus })).rejects.toMatchObject({
      type: 'CorpusInvalid',
    });
  });
});
