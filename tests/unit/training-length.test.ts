import { expect, test } from 'vitest';
import { trainingLength } from '../../activities/m-step/training-length.ts';
import { trainingSeed } from '../../activities/m-step/training-seed.ts';
import { silenceLimit, PATIENCE } from '../../activities/m-step/patience.ts';
import type { TrainingSettings } from '../../workflows/contract/recipe.ts';
import type { TrainingSetRef } from '../../workflows/contract/references.ts';

const SET: TrainingSetRef = { folder: 'f', digest: 'd', documents: 10, chunks: 40, tokens: 1000, rawTokens: 600 };
const RAW: TrainingSetRef = { ...SET, tokens: 600 };

const settings = (changes: Partial<TrainingSettings>): TrainingSettings => ({
  budget: { passes: 2 },
  batch: 8,
  sequenceLength: 32,
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  weightDecay: 0,
  clip: 1,
  warmupSteps: 0,
  finalRatio: 0,
  precision: 'float32',
  checkpointEvery: 10,
  layout: 'document',
  packing: true,
  form: 'random',
  ...changes,
});

test('steps and tokens are taken as they are', () => {
  expect(trainingLength(settings({ budget: { steps: 7 } }), SET, 3)).toEqual({ steps: 7 });
  expect(trainingLength(settings({ budget: { tokens: 77 } }), SET, 3)).toEqual({ tokens: 77 });
});

test('passes over one example a row are steps over its examples: documents, or chunks, or raw documents', () => {
  expect(trainingLength(settings({ packing: false }), SET, 3)).toEqual({ steps: 3 });
  expect(trainingLength(settings({ packing: false, layout: 'chunk' }), SET, 3)).toEqual({ steps: 10 });
  expect(trainingLength(settings({ packing: false, layout: 'chunk' }), RAW, 3)).toEqual({ steps: 3 });
});

test('passes over packed documents are their tokens with framing and the markers of their form', () => {
  expect(trainingLength(settings({ form: 'prior' }), SET, 3)).toEqual({ tokens: 2 * (1000 + 3 * 40 + 2 * 10) });
  expect(trainingLength(settings({ form: 'posterior' }), SET, 3)).toEqual({ tokens: 2 * (1000 + 5 * 40 + 2 * 10) });
  expect(trainingLength(settings({}), SET, 3)).toEqual({ tokens: 2 * (1000 + 4 * 40 + 2 * 10) });
  expect(trainingLength(settings({}), RAW, 3)).toEqual({ tokens: 2 * (600 + 2 * 10) });
});

test('passes over packed chunks count each prefix as often as it is shown', () => {
  // Four chunks a document of 15 raw tokens each: behind 0, 1, 2 and 2 chunks.
  const prefixes = 10 * 15 * (0 + 1 + 2 + 2);
  expect(trainingLength(settings({ layout: 'chunk' }), SET, 2)).toEqual({
    tokens: 2 * (1000 + 4 * 40 + 2 * 40 + prefixes),
  });
});

test('seeds are of 31 bits, of what is trained alone', () => {
  const seeds = [0, 1, 2].flatMap((trial) => [0, 1].map((iteration) => trainingSeed(5, 'training', iteration, trial)));
  expect(new Set(seeds).size).toBe(6);
  expect(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31)).toBe(true);
  expect(trainingSeed(5, 'training', 0, 0)).toBe(seeds[0]);
  expect(trainingSeed(5, 'base', 0, 0)).not.toBe(seeds[0]);
});

test('patience grows with a training’s own pace and has a floor', () => {
  expect(silenceLimit(PATIENCE, false, null)).toBe(1800);
  expect(silenceLimit(PATIENCE, true, 1)).toBe(600);
  expect(silenceLimit(PATIENCE, true, 120)).toBe(2400);
});
