import { join } from 'node:path';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { failure } from '../failure.ts';
import type { ExpectedModel } from './admission.ts';
import { readFingerprint, readModelDescription } from './model-folder.ts';
import { loadTokenizer } from './tokenizer.ts';

/**
 * What servers of a checkpoint must turn out to serve: its ids, its fingerprint, its tokenizer.
 *
 * @param dataFolder absolute path of the data folder
 * @throws failure CheckpointInvalid when a file is missing or not valid
 */
export async function loadServedModel(dataFolder: string, checkpoint: CheckpointRef): Promise<ExpectedModel> {
  const folder = join(dataFolder, checkpoint.folder);
  try {
    const [description, fingerprint, tokenizer] = await Promise.all([
      readModelDescription(join(folder, 'model')),
      readFingerprint(join(folder, 'fingerprint.json')),
      loadTokenizer(join(folder, 'model')),
    ]);
    return { description, fingerprint, tokenizer };
  } catch (error) {
    throw failure('CheckpointInvalid', `Expected a servable model in ${folder}: ${(error as Error).message}`);
  }
}

/**
 * The model as its servers hold it: with their length where that is set below the model's own.
 *
 * @param maxModelLen tokens that a server holds; null = as many as the model has positions
 */
export function asServed(model: ExpectedModel, maxModelLen: number | null): ExpectedModel {
  const { description } = model;
  const contextLength = Math.min(description.contextLength, maxModelLen ?? Infinity);
  return { ...model, description: { ...description, contextLength } };
}
