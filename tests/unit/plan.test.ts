import { expect, test } from 'vitest';
import { assume, type Assumptions } from '../../scripts/plan/assumptions.ts';
import { parameterCount } from '../../scripts/plan/base-size.ts';
import { estimate } from '../../scripts/plan/estimate.ts';
import type { SplitMeasure } from '../../scripts/plan/split-measure.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

/** The paper's bootstrap split: 1.34 M documents of 1,434 tokens, about 8.2 chunks each, thoughts 2.39 times the text. */
const BOOTSTRAP: SplitMeasure = {
  split: 'em',
  documents: 1_338_556,
  bytes: 7_680_000_000,
  contextCharacters: 0,
  textCharacters: 1_434 * 4,
  chunksPerDocument: 8.2,
  thoughtCharacters: null,
  measured: 2_000,
};
const TEACHER: SplitMeasure = { ...BOOTSTRAP, documents: 334_640, thoughtCharacters: 1_670 };

const paper = (): Recipe => {
  const tiny = tinyRecipe();
  const settings = { ...tiny.mStep, batch: 192, sequenceLength: 2048, layout: 'document', packing: true } as const;
  return tinyRecipe({
    iterations: 3,
    segmentation: { kind: 'sentences', meanSentences: 8, minSentences: 1, maxSentences: 20, seed: 42 },
    warmStart: { ...settings, batch: 96, budget: { tokens: 800_000_000 } },
    eStep: {
      ...tiny.eStep,
      samples: 4,
      maxThoughtTokens: 1_024,
      prefixChunks: 3,
      shardDocuments: 200,
      shardsPerBatch: 250,
    },
    mStep: { ...settings, budget: { tokens: 13_000_000_000 }, trials: 3, init: 'base', cluster: 'slurm' },
    fleet: { ...tiny.fleet, servers: 32 },
  });
};

const assumptions = (given: Partial<Assumptions> = {}): Assumptions =>
  assume(
    { sampledPerSecond: 4_000, scoredPerSecond: 20_000, trainedPerSecond: 480_000, ...given },
    1.1e9,
    false,
    1_670,
    1_024,
  );

test('the paper’s scale comes out as the paper’s scale', () => {
  const plan = estimate(paper(), BOOTSTRAP, TEACHER, [], 1.1e9, assumptions());
  expect(plan.sampling.chunks).toBeGreaterThan(10e6);
  expect(plan.sampling.chunks).toBeLessThan(12e6);
  // 4.58 B selected tokens, times four candidates.
  expect(plan.sampling.sampledTokens / 18.3e9).toBeCloseTo(1, 1);
  expect(plan.sampling.shards).toBe(6_693);
  expect(plan.sampling.batches).toBe(27);
  expect(plan.mStep.steps).toBe(33_061);
  expect(plan.mStep.passes).toBeCloseTo(2, 0);
  expect(plan.trainings).toBe(1 + 3 * 3);
  expect(plan.eSteps).toBe(3);
});

test('no workflow of the paper’s scale comes near the 4,096 events at which it would have to be split', () => {
  const { history } = estimate(paper(), BOOTSTRAP, TEACHER, [], 1.1e9, assumptions());
  expect(history.largest[1]).toBeLessThan(4_096);
  expect(history.total[0]).toBeGreaterThan(3 * 3 * 6_693);
});

test('twice the servers halve the sampling and leave the training', () => {
  const recipe = paper();
  const once = estimate(recipe, BOOTSTRAP, TEACHER, [], 1.1e9, assumptions());
  const twice = estimate(
    { ...recipe, fleet: { ...recipe.fleet, servers: 64 } },
    BOOTSTRAP,
    TEACHER,
    [],
    1.1e9,
    assumptions(),
  );
  expect(twice.seconds.sampling).toBeCloseTo(once.seconds.sampling / 2, 0);
  expect(twice.seconds.training).toBe(once.seconds.training);
});

test('an arm with fewer samples shares the first iteration’s thoughts, one with more does not', () => {
  const arms = (samples: number): Recipe => ({ ...paper(), arms: [{ name: 'other', kind: 'latent', samples }] });
  expect(estimate(arms(1), BOOTSTRAP, TEACHER, [], 1.1e9, assumptions()).eSteps).toBe(3 + 2);
  expect(estimate(arms(8), BOOTSTRAP, TEACHER, [], 1.1e9, assumptions()).eSteps).toBe(3 + 3);
});

test('cost is asked for by its price', () => {
  expect(estimate(paper(), BOOTSTRAP, TEACHER, [], 1.1e9, assumptions()).cost).toBeNull();
  const { cost, seconds } = estimate(paper(), BOOTSTRAP, TEACHER, [], 1.1e9, assumptions({ pricePerHour: 2 }));
  expect(cost).toBeCloseTo((2 * (32 * (seconds.total - seconds.training) + seconds.training)) / 3_600, 3);
});

test('rates of two cores fall with the size of the model and meet the two reference models', () => {
  const at = (parameters: number): Assumptions => assume({}, parameters, true, null, 16);
  expect(at(1e5).sampledPerSecond).toBeCloseTo(4_000, 6);
  expect(at(1.35e8).trainedPerSecond).toBeCloseTo(60, 6);
  expect(at(1e9).sampledPerSecond).toBeLessThan(at(1.35e8).sampledPerSecond);
  expect(at(1e6).scoredPerSecond).toBeGreaterThan(at(1e7).scoredPerSecond);
});

test('parameters are those of SmolLM2-135M within the norms that are left out', () => {
  const shape = {
    hidden: 576,
    layers: 30,
    heads: 9,
    keyValueHeads: 3,
    intermediate: 1536,
    vocabularySize: 49_152,
    tieEmbeddings: true,
  };
  expect(parameterCount(shape) / 134_515_008).toBeCloseTo(1, 3);
});
