import type { PlanEStepInput } from '../../workflows/contract/activities.ts';
import type { Place } from '../../workflows/contract/ids.ts';
import type { EStepRef, OpenRanges } from '../../workflows/contract/references.ts';
import { cutSplit, resolveSplit, uncutRanges } from '../corpus/cut-split.ts';
import { failure } from '../failure.ts';
import { segmentationKey } from '../store/cuts.ts';
import { eStepRef, findEStepAt, reopenRejected, writeEStep, type EStepRow } from '../store/e-steps.ts';
import type { Database } from '../store/pool.ts';
import { REJECTIONS_TRIED_AGAIN } from './chunk-outcome.ts';

/**
 * Plans the E-step of a place: cuts the split's documents and writes the E-step with its shards. The same input again
 * gives the same E-step, also after a crash in the middle; chunks that servers failed on are open again.
 *
 * @param onProgress called after each batch of documents that was cut
 * @throws CorpusInvalid when the split is missing or empty; RecipeInvalid when the place has an E-step of something else
 */
export async function planEStep(
  database: Database,
  input: PlanEStepInput,
  onProgress: (documents: number) => void = () => undefined,
): Promise<EStepRef> {
  const split = await resolveSplit(database, input.corpus, input.place.run);
  const identity = {
    segmentation: segmentationKey(input.segmentation),
    checkpoint: input.checkpoint.digest,
    samples: input.settings.samples,
  };
  let row = await findEStepAt(database, input.place);
  if (row === null) {
    await cutSplit(database, split, input.segmentation, onProgress);
    row = await writeEStep(database, { ...identity, place: input.place, corpus: split }, input.settings.shardDocuments);
  }
  const { corpus, documents } = split;
  requireSame(input.place, { ...identity, corpus, split: split.split, documents }, row);
  // An E-step that is planned again was stopped or parked: what was the servers' fault gets another try.
  if (!row.finished) await reopenRejected(database, row.eStep, REJECTIONS_TRIED_AGAIN);
  return eStepRef(database, row);
}

/** The ranges that are to be cut before the E-step of a place can be planned, where they are several; else null. */
export async function uncutRangesOfPlan(
  database: Database,
  { place, corpus, segmentation }: PlanEStepInput,
): Promise<OpenRanges | null> {
  if ((await findEStepAt(database, place)) !== null) return null;
  const ranges = await uncutRanges(database, await resolveSplit(database, corpus, place.run), segmentation);
  return ranges.length > 1 ? { open: 'cutting', ranges } : null;
}

type Compared = Pick<EStepRow, 'corpus' | 'split' | 'documents' | 'segmentation' | 'checkpoint' | 'samples'>;

function requireSame(place: Place, asked: Compared, found: Compared): void {
  const names = ['corpus', 'split', 'documents', 'segmentation', 'checkpoint', 'samples'] as const;
  const different = names.filter((name) => asked[name] !== found[name]);
  if (different.length === 0) return;
  throw failure(
    'RecipeInvalid',
    `Expected the E-step of ${place.run}, arm ${place.arm}, iteration ${place.iteration} to be of ` +
      `${different.map((name) => `${name} ${asked[name]}`).join(', ')}, found one of ` +
      `${different.map((name) => `${name} ${found[name]}`).join(', ')}: start another run to sample with other settings`,
  );
}
