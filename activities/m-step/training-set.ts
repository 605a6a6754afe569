import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildTrainingSetInput, WriteTrainingRangeInput } from '../../workflows/contract/activities.ts';
import type { DocumentRange, OpenRanges, TrainingSetRef } from '../../workflows/contract/references.ts';
import { isMissing } from '../clusters/atomic-json.ts';
import { cutSplit, uncutRanges } from '../corpus/cut-split.ts';
import { documentRanges } from '../corpus/document-ranges.ts';
import { failure } from '../failure.ts';
import { findTrainingSet, writeTrainingSet } from '../store/training-sets.ts';
import { trainingDocuments } from './training-documents.ts';
import { dropDraft, openDraft, publishDraft } from './training-set-draft.ts';
import { MANIFEST, readSet, writeManifest, type FoundSet, type Manifest } from './training-set-files.ts';
import { joinRanges, readRange, writeRange, type Written } from './training-set-ranges.ts';
import { trainingSetWork, type Places, type TrainingSetWork } from './training-set-work.ts';

/** How far a training set is. */
export interface TrainingSetProgress {
  readonly doing: 'checking' | 'cutting' | 'writing';
  /** Parts when checking, else documents. */
  readonly done: number;
  readonly total: number | null;
}

type OnProgress = (progress: TrainingSetProgress) => void;

/**
 * Writes the training set of a place into `<iteration's folder>/train`: parts, then the manifest, then its row in the
 * store. It is written into a draft there first, range by range, and is the same bytes each time. Ranges that are in the
 * draft already are taken from there.
 *
 *     store knows it, files hold      ──► returned as it is
 *     store knows it, files damaged   ──► written again where it comes out with the recorded digest
 *     store knows none, a set is there ──► taken where it is what comes out: the export ended before its row was written
 *     store knows none, no manifest   ──► written; parts that a stopped export left are replaced
 *
 * In every other case TrainingSetInvalid, and what is there stays.
 *
 * @throws what {@link trainingSetWork} throws; RecipeInvalid when the place has a set of something else;
 *   TrainingSetInvalid; DiskFull
 */
export async function buildTrainingSet(
  places: Places,
  input: BuildTrainingSetInput,
  onProgress: OnProgress = () => undefined,
): Promise<TrainingSetRef> {
  const work = await trainingSetWork(places, input);
  const there = await existing(places, input, work, onProgress);
  return 'set' in there ? there.set : make(places, input, work, there, onProgress);
}

/** The same, but where several ranges of documents are to be cut or written, the answer is which. */
export async function buildTrainingSetInRanges(
  places: Places,
  input: BuildTrainingSetInput,
  onProgress: OnProgress = () => undefined,
): Promise<TrainingSetRef | OpenRanges> {
  const work = await trainingSetWork(places, input);
  const there = await existing(places, input, work, onProgress);
  if ('set' in there) return there.set;
  const { split } = work.documents;
  const uncut = await uncutRanges(places.database, split, input.segmentation);
  if (uncut.length > 1) return { open: 'cutting', ranges: uncut };
  const unwritten: DocumentRange[] = [];
  for (const range of documentRanges(split.documents)) {
    if ((await readRange(work.draft, range)) === null) unwritten.push(range);
  }
  if (unwritten.length > 1) {
    await openDraft(work.draft);
    return { open: 'writing', ranges: unwritten };
  }
  return make(places, input, work, there, onProgress);
}

/**
 * Writes a range of a training set into its draft, where it is not there yet; the range's documents must be cut.
 * @throws what {@link trainingSetWork} throws; DiskFull
 */
export async function writeTrainingRange(
  places: Places,
  input: WriteTrainingRangeInput,
  onProgress: OnProgress = () => undefined,
): Promise<void> {
  const work = await trainingSetWork(places, input);
  await writtenRange(work, input.range, (done) => onProgress(writing(done, input.range.to - input.range.from)));
}

/** A set that is there and whole, or what is known of the one that is to be made. */
type Existing =
  { readonly set: TrainingSetRef } | { readonly found: FoundSet | null; readonly recorded: TrainingSetRef | null };

async function existing(
  { database }: Places,
  input: BuildTrainingSetInput,
  { folder, relative, source }: TrainingSetWork,
  onProgress: OnProgress,
): Promise<Existing> {
  const recorded = await findTrainingSet(database, input.place);
  const found = await readSet(folder, (done) => onProgress({ doing: 'checking', done, total: null }));
  if (found !== null) {
    requireSource(input, found, source);
    if (found.digest === recorded?.digest) return { set: recorded };
    if (recorded !== null) throw otherSet(relative, `the set with digest ${recorded.digest}`, found.digest);
  }
  return { found, recorded };
}

async function make(
  { database }: Places,
  input: BuildTrainingSetInput,
  work: TrainingSetWork,
  { found, recorded }: Exclude<Existing, { readonly set: TrainingSetRef }>,
  onProgress: OnProgress,
): Promise<TrainingSetRef> {
  const { relative, folder, draft, description, source } = work;
  const { split } = work.documents;
  const expected = recorded?.digest ?? (await manifestDigest(folder));
  await cutSplit(database, split, input.segmentation, (done) =>
    onProgress({ doing: 'cutting', done, total: split.documents }),
  );
  await openDraft(draft);
  const ranges: { readonly range: DocumentRange; readonly written: Written }[] = [];
  for (const range of documentRanges(split.documents)) {
    const told = (done: number): void => onProgress(writing(range.from + done, split.documents));
    ranges.push({ range, written: await writtenRange(work, range, told) });
  }
  const { parts, leftOut, sources, ...extent } = joinRanges(draft, ranges);
  const { vocabularySize: vocabulary, markers } = description;
  const digest = await writeManifest(draft, { parts, vocabulary, markers, source, ...extent, leftOut });
  if (expected !== null && digest !== expected) {
    await dropDraft(draft);
    throw otherSet(relative, `the set that the store has now, with digest ${digest}`, expected);
  }
  if (found === null) await publishDraft(draft, folder, { parts }, sources);
  await dropDraft(draft);
  const set = { folder: relative, digest, ...extent };
  await writeTrainingSet(database, input.place, set);
  return set;
}

async function writtenRange(
  { draft, documents }: TrainingSetWork,
  range: DocumentRange,
  onDocument: (documents: number) => void,
): Promise<Written> {
  return (await readRange(draft, range)) ?? writeRange(draft, range, trainingDocuments(documents, range), onDocument);
}

const writing = (done: number, total: number): TrainingSetProgress => ({ doing: 'writing', done, total });

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
