import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildTrainingSetInput } from '../../workflows/contract/activities.ts';
import { iterationFolder } from '../../workflows/contract/ids.ts';
import type { TrainingSetRef } from '../../workflows/contract/references.ts';
import { cutSplit, resolveSplit } from '../corpus/cut-split.ts';
import { isMissing } from '../clusters/atomic-json.ts';
import { lostEStep } from '../e-step/finish-e-step.ts';
import { failure } from '../failure.ts';
import type { CorpusSplit } from '../store/corpora.ts';
import { segmentationKey } from '../store/cuts.ts';
import { hasThoughts } from '../store/documents.ts';
import { readEStep, type EStepRow } from '../store/e-steps.ts';
import type { Database } from '../store/pool.ts';
import { findTrainingSet, writeTrainingSet } from '../store/training-sets.ts';
import { readModelDescription, type ModelDescription } from '../vllm/model-folder.ts';
import { loadTokenizer, type TextTokenizer } from '../vllm/tokenizer.ts';
import { trainingDocuments } from './training-documents.ts';
import { publishDraft, withDraft } from './training-set-draft.ts';
import { MANIFEST, readSet, writeManifest, writeParts, type FoundSet, type Manifest } from './training-set-files.ts';

/** How far a training set is. */
export interface TrainingSetProgress {
  readonly doing: 'checking' | 'cutting' | 'writing';
  /** Parts when checking, else documents. */
  readonly done: number;
  readonly total: number | null;
}

/**
 * Writes the training set of a place into `<iteration's folder>/train`: parts, then the manifest, then its row in the
 * store. It is written into a draft there first, and is the same bytes each time.
 *
 *     store knows it, files hold      ──► returned as it is
 *     store knows it, files damaged   ──► written again where it comes out with the recorded digest
 *     store knows none, a set is there ──► taken where it is what comes out: the export ended before its row was written
 *     store knows none, no manifest   ──► written; parts that a stopped export left are replaced
 *
 * In every other case TrainingSetInvalid, and what is there stays.
 *
 * @throws CorpusInvalid when the split is missing or has no teacher's thoughts; RecipeInvalid when the place has a set of
 *   something else; CheckpointInvalid when the tokenizer cannot be read; TrainingSetInvalid; StoreBehind when the store
 *   lost the E-step; DiskFull
 */
export async function buildTrainingSet(
  { database, dataFolder }: { readonly database: Database; readonly dataFolder: string },
  input: BuildTrainingSetInput,
  onProgress: (progress: TrainingSetProgress) => void = () => undefined,
): Promise<TrainingSetRef> {
  const model = await readModel(join(dataFolder, input.checkpoint.folder, 'model'));
  const { split, eStep } = await resolveSource(database, input);
  const source = describeSource(input, model);
  const relative = `${iterationFolder(input.place)}/train`;
  const folder = join(dataFolder, relative);

  const recorded = await findTrainingSet(database, input.place);
  const found = await readSet(folder, (done) => onProgress({ doing: 'checking', done, total: null }));
  if (found !== null) {
    requireSource(input, found, source);
    if (found.digest === recorded?.digest) return recorded;
    if (recorded !== null) throw otherSet(relative, `the set with digest ${recorded.digest}`, found.digest);
  }
  const expected = recorded?.digest ?? (await manifestDigest(folder));
  const cutting = (done: number): void => onProgress({ doing: 'cutting', done, total: split.documents });
  const segmentation = await cutSplit(database, split, input.segmentation, cutting);
  const documents = trainingDocuments({
    database,
    split,
    segmentation,
    tokenizer: model.tokenizer,
    source: input.source,
    eStep,
  });
  const set = await withDraft(folder, async (draft) => {
    const written = await writeParts(draft, documents, (done) =>
      onProgress({ doing: 'writing', done, total: split.documents }),
    );
    const { vocabularySize: vocabulary, markers } = model.description;
    const { parts, leftOut, ...extent } = written;
    const digest = await writeManifest(draft, { parts, vocabulary, markers, source, ...extent, leftOut });
    if (expected !== null && digest !== expected) {
      throw otherSet(relative, `the set that the store has now, with digest ${digest}`, expected);
    }
    if (found === null) await publishDraft(draft, folder, { parts });
    return { folder: relative, digest, ...extent };
  });
  await writeTrainingSet(database, input.place, set);
  return set;
}

function otherSet(folder: string, expected: string, found: string): Error {
  return failure(
    'TrainingSetInvalid',
    `Expected ${expected} in ${folder}, found one with digest ${found}, whole or damaged. It was left as it is`,
  );
}

/** sha256 of the manifest in a folder; null where there is none. */
async function manifestDigest(folder: string): Promise<string | null> {
  try {
    return createHash('sha256')
      .update(await readFile(join(folder, MANIFEST)))
      .digest('hex');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

interface Model {
  readonly tokenizer: TextTokenizer;
  readonly description: ModelDescription;
  /** sha256 of `tokenizer.json`. */
  readonly tokenizerDigest: string;
}

async function readModel(folder: string): Promise<Model> {
  try {
    const [tokenizer, description, file] = await Promise.all([
      loadTokenizer(folder),
      readModelDescription(folder),
      readFile(join(folder, 'tokenizer.json')),
    ]);
    return { tokenizer, description, tokenizerDigest: createHash('sha256').update(file).digest('hex') };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure('CheckpointInvalid', `Expected a tokenizer and thoughtloop.json in ${folder}: ${reason}`);
  }
}

/** The documents that the set is made of, and the E-step where their thoughts come from one. */
async function resolveSource(
  database: Database,
  { place, corpus, segmentation, source }: BuildTrainingSetInput,
): Promise<{ split: CorpusSplit; eStep: EStepRow | null }> {
  const split = await resolveSplit(database, corpus, place.run);
  const where = `${corpus.name}/${corpus.split}`;
  if (source.kind === 'teacher' && !(await hasThoughts(database, split))) {
    throw failure('CorpusInvalid', `Expected teacher's thoughts in ${where} (chunks with a thought), found none`);
  }
  if (source.kind !== 'thoughts') return { split, eStep: null };

  const eStep = await readEStep(database, source.eStep);
  if (eStep === null) throw lostEStep(source.eStep);
  const key = segmentationKey(segmentation);
  const same = eStep.corpus === split.corpus && eStep.split === split.split && eStep.segmentation === key;
  if (!same) {
    throw failure(
      'RecipeInvalid',
      `Expected E-step ${source.eStep} to be of ${where}, cut as the recipe says; it is not`,
    );
  }
  if (!eStep.finished) throw new Error(`Expected E-step ${source.eStep} to be finished before its training set`);
  if (source.samples > eStep.samples || (source.samples < eStep.samples && eStep.summary?.kept !== 'all')) {
    throw failure(
      'RecipeInvalid',
      `Expected the first ${source.samples} candidates of E-step ${source.eStep}, found ` +
        (source.samples > eStep.samples ? `${eStep.samples} a chunk` : 'only the selected ones kept (e-step.keep)'),
    );
  }
  return { split: { ...split, documents: eStep.documents }, eStep };
}

function describeSource(
  { corpus, segmentation, source }: BuildTrainingSetInput,
  { tokenizerDigest }: Model,
): Manifest['source'] {
  const of = { corpus: corpus.name, split: corpus.split, segmentation: segmentationKey(segmentation) };
  return { ...source, ...of, tokenizer: tokenizerDigest };
}

function requireSource({ place }: BuildTrainingSetInput, { manifest }: FoundSet, source: Manifest['source']): void {
  const names = Object.keys({ ...manifest.source, ...source });
  const different = names.filter((name) => manifest.source[name] !== source[name]);
  if (different.length === 0) return;
  const show = (of: Manifest['source']): string => different.map((name) => `${name} ${of[name] ?? '–'}`).join(', ');
  throw failure(
    'RecipeInvalid',
    `Expected the training set of ${place.run}, arm ${place.arm}, iteration ${place.iteration} to be of ` +
      `${show(source)}, found one of ${show(manifest.source)}: start another run to train on something else`,
  );
}
