import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildTrainingSetInput } from '../../workflows/contract/activities.ts';
import { iterationFolder } from '../../workflows/contract/ids.ts';
import { resolveSplit } from '../corpus/cut-split.ts';
import { lostEStep } from '../e-step/finish-e-step.ts';
import { failure } from '../failure.ts';
import type { CorpusSplit } from '../store/corpora.ts';
import { segmentationKey } from '../store/cuts.ts';
import { hasThoughts } from '../store/documents.ts';
import { readEStep, type EStepRow } from '../store/e-steps.ts';
import type { Database } from '../store/pool.ts';
import { readModelDescription, type ModelDescription } from '../vllm/model-folder.ts';
import { loadTokenizer, type TextTokenizer } from '../vllm/tokenizer.ts';
import type { DocumentSource } from './training-documents.ts';
import { draftOf } from './training-set-draft.ts';
import type { Manifest } from './training-set-files.ts';

/** The store and the data folder that sets are made from and written to. */
export interface Places {
  readonly database: Database;
  readonly dataFolder: string;
  /** What was read for an earlier range. */
  readonly tokenizers?: TokenizerCache;
}

/** All that a training set is made from, and where. */
export interface TrainingSetWork {
  /** Of the set, relative to the data folder. */
  readonly relative: string;
  /** The same, absolute. */
  readonly folder: string;
  /** Absolute; what is written of the set stands here until the set is whole. */
  readonly draft: string;
  readonly documents: DocumentSource;
  readonly description: ModelDescription;
  readonly source: Manifest['source'];
}

/**
 * Looks up what the training set of a place is made from.
 *
 * @throws CorpusInvalid when the split is missing or has no teacher's thoughts; RecipeInvalid when the E-step has others than
 *   those asked for; CheckpointInvalid when the tokenizer cannot be read; StoreBehind when the store lost the E-step
 */
export async function trainingSetWork(
  { database, dataFolder, tokenizers = new TokenizerCache() }: Places,
  input: BuildTrainingSetInput,
): Promise<TrainingSetWork> {
  const model = await readModel(join(dataFolder, input.checkpoint.folder, 'model'), tokenizers);
  const { split, eStep } = await resolveSource(database, input);
  const segmentation = segmentationKey(input.segmentation);
  const of = { corpus: input.corpus.name, split: input.corpus.split, segmentation };
  const source = { ...input.source, ...of, tokenizer: model.tokenizerDigest };
  const relative = `${iterationFolder(input.place)}/train`;
  const folder = join(dataFolder, relative);
  return {
    relative,
    folder,
    // An E-step of a restored store that sampled again has another summary.
    draft: draftOf(folder, [source, split.documents, eStep?.summary ?? null]),
    documents: { database, split, segmentation, tokenizer: model.tokenizer, source: input.source, eStep },
    description: model.description,
    source,
  };
}

interface Model extends Pick<DocumentSource, 'tokenizer'> {
  readonly description: ModelDescription;
  /** sha256 of `tokenizer.json`. */
  readonly tokenizerDigest: string;
}

/** Holds the tokenizer that was used last: a large one takes a second to load, and the ranges of a set share it. */
export class TokenizerCache {
  #digest = '';
  #tokenizer: Promise<TextTokenizer> | undefined;

  /** The tokenizer of a model folder. @param digest of its `tokenizer.json` */
  load(folder: string, digest: string): Promise<TextTokenizer> {
    if (this.#tokenizer === undefined || this.#digest !== digest) {
      this.#digest = digest;
      this.#tokenizer = loadTokenizer(folder);
    }
    return this.#tokenizer;
  }
}

async function readModel(folder: string, tokenizers: TokenizerCache): Promise<Model> {
  try {
    const file = await readFile(join(folder, 'tokenizer.json'));
    const tokenizerDigest = createHash('sha256').update(file).digest('hex');
    const [tokenizer, description] = await Promise.all([
      tokenizers.load(folder, tokenizerDigest),
      readModelDescription(folder),
    ]);
    return { tokenizer, description, tokenizerDigest };
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
