import type { BaseModel, TrainingSettings } from '../../workflows/contract/recipe.ts';

/** A base model of 0.04 million parameters. */
export const TINY_MODEL: BaseModel = {
  source: 'random',
  hidden: 32,
  layers: 1,
  heads: 1,
  keyValueHeads: 1,
  intermediate: 64,
  initializerRange: 0.08,
  tieEmbeddings: true,
  vocabularySize: 280,
  contextLength: 64,
};

/** A training of a few seconds. */
export const TINY_TRAINING: TrainingSettings = {
  budget: { steps: 200 },
  batch: 8,
  sequenceLength: 48,
  learningRate: 0.005,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clip: 1,
  warmupSteps: 5,
  finalRatio: 0.05,
  precision: 'float32',
  checkpointEvery: 20,
  layout: 'chunk',
  packing: false,
  form: 'random',
};
