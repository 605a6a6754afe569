import type { Place } from '../../workflows/contract/ids.ts';
import type { EStepSettings } from '../../workflows/contract/recipe.ts';
import type { EStepRef, EStepSummary } from '../../workflows/contract/references.ts';
import { failure } from '../failure.ts';
import {
  addUpEStep,
  closeEStep,
  countRejections,
  eStepRef,
  findLoopEStep,
  readEStep,
  type KeptCandidates,
} from '../store/e-steps.ts';
import type { Database } from '../store/pool.ts';

/**
 * Adds a sampled E-step up and closes it; a closed one answers with what it came to, and drops its losers where only now
 * `keep = "selected"` is asked for.
 *
 * @throws TooManyRejections above `maxRejected`; StoreBehind when the E-step or a shard's end is not in the store, which
 *   the workflow's order rules out for a store that was not restored; Error when a chunk has no row
 */
export async function finishEStep(
  database: Database,
  { eStep, settings }: { readonly eStep: number; readonly settings: EStepSettings },
): Promise<EStepSummary> {
  const row = await readEStep(database, eStep);
  if (row === null) throw lostEStep(eStep);
  if (row.summary !== null) {
    const { kept, ...summary } = row.summary;
    if (kept === 'all' && settings.keep === 'selected') await closeEStep(database, eStep, summary, 'selected');
    return summary;
  }
  const { openShards, ...summary } = await addUpEStep(database, eStep);
  if (openShards > 0) {
    throw failure(
      'StoreBehind',
      `Expected all shards of E-step ${eStep} to be finished, found ${openShards} open: the store lost what was sampled ` +
        'since its backup. `decide retry` samples that again',
    );
  }
  if (summary.chunks !== row.chunks) {
    throw new Error(
      `Expected a result for each of the ${row.chunks} chunks of E-step ${eStep}, found ${summary.chunks}`,
    );
  }
  if (summary.rejected > settings.maxRejected * summary.chunks) {
    throw await tooMany(database, eStep, summary, settings.maxRejected);
  }
  const kept: KeptCandidates = settings.keep;
  await closeEStep(database, eStep, summary, kept);
  return summary;
}

async function tooMany(
  database: Database,
  eStep: number,
  { chunks, rejected }: EStepSummary,
  maxRejected: number,
): Promise<Error> {
  const reasons = await countRejections(database, eStep);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return failure(
    'TooManyRejections',
    `Expected at most ${percent(maxRejected)} of ${chunks} chunks to be rejected, found ${rejected} ` +
      `(${percent(rejected / chunks)}): ${reasons.map(({ reason, chunks: count }) => `${reason} ${count}`).join(', ')}`,
    Object.fromEntries(reasons.map(({ reason, chunks: count }) => [reason, count])),
  );
}

/**
 * The EM loop's finished E-step at the same iteration of the run, its own or a shared one, whose first `samples`
 * candidates another arm can use; null when there is none of the run's settings, when it has fewer, or when its losers
 * were dropped. Only iteration 1 can be shared: from then
 * on the arms' models differ, and other thoughts are not drawn from the arm's own model.
 */
export async function findEStep(
  database: Database,
  { place, samples }: { readonly place: Place; readonly samples: number },
): Promise<EStepRef | null> {
  if (place.iteration !== 1) return null;
  const row = await findLoopEStep(database, place);
  if (row === null || !row.finished || row.samples < samples) return null;
  if (row.samples > samples && row.summary?.kept !== 'all') return null;
  return eStepRef(database, row);
}

/** What the store no longer knows of an E-step that workflows hold for planned. */
export function lostEStep(eStep: number): Error {
  return failure(
    'StoreBehind',
    `Expected E-step ${eStep} in the store, found none: the store lost it. Restore a newer backup, or cancel the run and ` +
      'start it again',
  );
}
