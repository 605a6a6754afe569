import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingSetRef } from '../../workflows/contract/references.ts';
import { isMissing } from '../clusters/atomic-json.ts';
import { failure } from '../failure.ts';
import { damagedPart, MANIFEST, parseManifest, type Manifest } from './training-set-files.ts';

/**
 * Makes sure that a training set is where its reference says, before a training is begun: the very manifest, and a file
 * for each part. The parts' digests are checked by the trainer, which reads all of them.
 * @param dataFolder Absolute path of the data folder.
 * @throws TrainingSetInvalid naming the folder and what is wrong.
 */
export async function requireTrainingSet(dataFolder: string, set: TrainingSetRef): Promise<void> {
  const folder = join(dataFolder, set.folder);
  for (const { file } of (await theManifest(folder, set))?.parts ?? []) {
    try {
      await access(join(folder, file));
    } catch (error) {
      if (isMissing(error)) throw invalid(set, `no ${file}`);
      throw error;
    }
  }
}

/**
 * The same with the digest of every part: for a training that ended without a result.
 * @throws TrainingSetInvalid
 */
export async function verifyTrainingSet(dataFolder: string, set: TrainingSetRef): Promise<void> {
  await requireTrainingSet(dataFolder, set);
  const folder = join(dataFolder, set.folder);
  const manifest = await theManifest(folder, set);
  const damaged = manifest === null ? undefined : await damagedPart(folder, manifest);
  if (damaged !== undefined) throw invalid(set, `${damaged} with another sha256 than its manifest says`);
}

/** The manifest of exactly that set; null where its bytes are those recorded but not a manifest that we know. */
async function theManifest(folder: string, set: TrainingSetRef): Promise<Manifest | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(folder, MANIFEST));
  } catch (error) {
    if (isMissing(error)) throw invalid(set, `no ${MANIFEST}`);
    throw error;
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== set.digest) throw invalid(set, `a ${MANIFEST} with digest ${found}`);
  return parseManifest(bytes);
}

const invalid = ({ folder, digest }: TrainingSetRef, found: string): Error =>
  failure('TrainingSetInvalid', `Expected the training set with digest ${digest} in ${folder}, found ${found}`);
