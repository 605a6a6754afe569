import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingSetRef } from '../../workflows/contract/references.ts';
import { isMissing } from '../clusters/atomic-json.ts';
import { failure } from '../failure.ts';
import { MANIFEST, parseManifest, readSet } from './training-set-files.ts';

/**
 * Makes sure that a training set is where its reference says, before a training is begun: the very manifest, and a file
 * for each part. The parts' digests are checked by the trainer, which reads all of them.
 * @param dataFolder Absolute path of the data folder.
 * @throws TrainingSetInvalid naming the folder and what is wrong.
 */
export async function requireTrainingSet(dataFolder: string, set: TrainingSetRef): Promise<void> {
  const wrong = await whatIsWrong(join(dataFolder, set.folder), set.digest);
  if (wrong !== undefined) throw invalid(set, wrong);
}

/**
 * The same with the digest of every part: for a training that ended without a result.
 * @throws TrainingSetInvalid
 */
export async function verifyTrainingSet(dataFolder: string, set: TrainingSetRef): Promise<void> {
  await requireTrainingSet(dataFolder, set);
  if ((await readSet(join(dataFolder, set.folder))) === null) throw invalid(set, 'a part with another digest');
}

const invalid = ({ folder, digest }: TrainingSetRef, found: string): Error =>
  failure('TrainingSetInvalid', `Expected the training set with digest ${digest} in ${folder}, found ${found}`);

async function whatIsWrong(folder: string, digest: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(folder, MANIFEST));
  } catch (error) {
    if (isMissing(error)) return `no ${MANIFEST}`;
    throw error;
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== digest) return `a ${MANIFEST} with digest ${found}`;
  for (const { file } of parseManifest(bytes)?.parts ?? []) {
    try {
      await access(join(folder, file));
    } catch (error) {
      if (isMissing(error)) return `no ${file}`;
      throw error;
    }
  }
  return undefined;
}
