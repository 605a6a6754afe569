import type { TrainingSource } from '../../workflows/contract/activities.ts';
import type { DocumentRange } from '../../workflows/contract/references.ts';
import { resample } from '../e-step/resample.ts';
import { chunkTexts } from '../segmentation/segment.ts';
import type { CorpusSplit } from '../store/corpora.ts';
import { readCuts } from '../store/cuts.ts';
import { readBatches, readDocuments, type StoredDocument } from '../store/documents.ts';
import type { EStepRow } from '../store/e-steps.ts';
import type { Database } from '../store/pool.ts';
import { readCandidates, readScores, readSelectedThoughts, type SelectedThought } from '../store/selected-thoughts.ts';
import { SpecialTokenInTextError, type TextTokenizer } from '../vllm/tokenizer.ts';
import type { TrainingDocument } from './training-document.ts';

/** What a training set's documents are made from. */
export interface DocumentSource {
  readonly database: Database;
  readonly split: CorpusSplit;
  /** Key of the segmentation. */
  readonly segmentation: string;
  readonly tokenizer: TextTokenizer;
  readonly source: TrainingSource;
  /** The E-step of a source of thoughts. */
  readonly eStep: EStepRow | null;
}

/** A batch of documents with all that becomes of them. */
interface DocumentBatch {
  readonly documents: readonly StoredDocument[];
  readonly cuts: ReadonlyMap<number, readonly number[]>;
  readonly thoughts: ReadonlyMap<string, readonly number[]>;
}

/** Documents read at once: their thoughts, at 8 chunks of 400 tokens, are a few megabytes. */
const BATCH_DOCUMENTS = 200;

/**
 * The documents of a range of a training set's split in order, a batch at a time. Each piece of text is encoded by itself,
 * in raw sets too, so that a chunk has the same ids as in the E-step and all sets of a split have the same raw tokens.
 *
 * A chunk that the E-step rejected stays as raw text without a thought: leaving it out would tear the text before and
 * behind it apart. A document that cannot be encoded without special tokens comes as null; the E-step has rejected such
 * chunks as well.
 */
export async function* trainingDocuments(
  input: DocumentSource,
  range: DocumentRange,
): AsyncGenerator<TrainingDocument | null> {
  const { database, split, segmentation } = input;
  const read = async (first: number, end: number): Promise<DocumentBatch> => ({
    documents: await readDocuments(database, split, first, end),
    cuts: await readCuts(database, split, segmentation, first, end),
    thoughts: byPlace(await thoughtsOf(input, first, end)),
  });
  for await (const { found } of readBatches(database, split, range, read, BATCH_DOCUMENTS)) {
    const { documents, cuts, thoughts } = found;
    for (const document of documents) {
      const ends = cuts.get(document.ordinal);
      if (ends === undefined) throw new Error(`Expected document ${document.ordinal} to be cut, found no cuts`);
      yield trainingDocument(input, document, ends, (chunk) => thoughts.get(placeKey(document.ordinal, chunk)));
    }
  }
}

function trainingDocument(
  { tokenizer, source }: DocumentSource,
  { ordinal, context, text, givenThoughts }: StoredDocument,
  ends: readonly number[],
  thoughtOf: (chunk: number) => readonly number[] | undefined,
): TrainingDocument | null {
  try {
    const chunks = chunkTexts(text, ends).map((piece, chunk) => {
      const x = tokenizer.encode(piece);
      const given = source.kind === 'teacher' ? (givenThoughts?.[chunk] ?? '') : '';
      const z = given === '' ? thoughtOf(chunk) : tokenizer.encode(given);
      return z === undefined ? { x } : { z, x };
    });
    return context === null ? { id: ordinal, chunks } : { id: ordinal, context: tokenizer.encode(context), chunks };
  } catch (error) {
    if (error instanceof SpecialTokenInTextError) return null;
    throw error;
  }
}

/** The thoughts of a batch: those that the E-step selected, or chosen anew among its first candidates. */
async function thoughtsOf(
  { database, source, eStep }: DocumentSource,
  first: number,
  end: number,
): Promise<SelectedThought[]> {
  if (source.kind !== 'thoughts' || eStep === null) return [];
  if (source.samples === eStep.samples) return readSelectedThoughts(database, eStep.eStep, first, end);
  const scores = await readScores(database, eStep.eStep, first, end, source.samples);
  const chosen = scores.flatMap(({ document, chunk, candidates }) => {
    const place = { seed: source.seed, iteration: eStep.iteration, document, chunk };
    const candidate = resample(candidates, place);
    return candidate === null ? [] : [{ document, chunk, candidate }];
  });
  return readCandidates(database, eStep.eStep, chosen);
}

function byPlace(thoughts: readonly SelectedThought[]): Map<string, readonly number[]> {
  return new Map(thoughts.map(({ document, chunk, tokenIds }) => [placeKey(document, chunk), tokenIds]));
}

const placeKey = (document: number, chunk: number): string => `${document}/${chunk}`;
