import { join } from 'node:path';
import type { PrepareBaseInput, SubmitTrainingInput } from '../../workflows/contract/activities.ts';
import {
  baseModelKey,
  baseModelWorkflowId,
  iterationFolder,
  trainingKey,
  trainingWorkflowId,
} from '../../workflows/contract/ids.ts';
import { BASE_ARM } from '../store/checkpoints.ts';
import type { Job, ModelJobDetails } from '../store/jobs.ts';
import { baseDigest, prepareSpec, resultDigest, trainSpec, type Spec } from './training-spec.ts';

/**
 * A job that makes a model, as it is written to the store and to its spec.
 *
 * Folders, for a training: `…/m/<arm>-<trial>/g<generation>` is the job's, with spec, log and the cluster's records;
 * `…/m/<arm>-<trial>/output-<digest>` is what all generations of the same training write to, so that one that is tried
 * again goes on from the checkpoints of the last. The key in the result's marker is therefore the training's, without
 * the generation.
 */
export interface ModelJob {
  readonly record: Omit<Job<ModelJobDetails>, 'state'>;
  readonly spec: Spec;
}

const FRESH = { restarts: 0, barren: 0, step: 0 } as const;

/** @param dataFolder Absolute path. */
export function trainingJob(input: SubmitTrainingInput, dataFolder: string): ModelJob {
  const { place, trial, generation, cluster } = input;
  const result = trainingWorkflowId(place, trial);
  const folder = join(iterationFolder(place), 'm', `${place.arm}-${trial}`);
  const output = join(folder, `output-${resultDigest(input)}`);
  return {
    record: {
      key: trainingKey(place, trial, generation),
      run: place.run,
      cluster,
      kind: 'training',
      folder: join(folder, `g${generation}`),
      details: { place, trial, output, result, ...FRESH },
    },
    spec: trainSpec(input, result, join(dataFolder, output), dataFolder),
  };
}

/** @param dataFolder Absolute path. */
export function baseJob(input: PrepareBaseInput, dataFolder: string): ModelJob {
  const { run, generation, cluster } = input;
  const result = baseModelWorkflowId(run);
  const folder = join('runs', run, 'base');
  const output = join(folder, `output-${baseDigest(input)}`);
  return {
    record: {
      key: baseModelKey(run, generation),
      run,
      cluster,
      kind: 'base',
      folder: join(folder, `g${generation}`),
      details: { place: { run, arm: BASE_ARM, iteration: 0 }, trial: 0, output, result, ...FRESH },
    },
    spec: prepareSpec(input, result, join(dataFolder, output), join(dataFolder, baseTextsFile(run))),
  };
}

/** Texts that a base model's tokenizer is trained on, relative to the data folder. */
export const baseTextsFile = (run: string): string => join('runs', run, 'base', 'texts.jsonl');
