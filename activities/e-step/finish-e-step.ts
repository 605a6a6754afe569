import { MAIN_ARM, type Place } from '../../workflows/contract/ids.ts';
import type { EStepSettings } from '../../workflows/contract/recipe.ts';
import type { EStepRef, EStepSummary } from '../../workflows/contract/references.ts';
import { failure } from '../failure.ts';
import {
  addUpEStep,
  closeEStep,
  countRejections,
  eStepRef,
  findEStepAt,
  readEStep,
  type KeptCandidates,
} from '../store/e-steps.ts';
import type { Database } from '../store/pool.ts';

/**
 * Adds a sampled E-step up and closes it; a closed one answers with what it came to, and drops its losers where only now
 * `keep = "selected"` is asked for.
 *
 * @throws TooManyRejections above `maxRejected`; Error when a shard is open or a chunk has no row, which the workflow's
 *   order rules out
 */
export async function finishEStep(
  database: Database,
  { eStep, settings }: { readonly eStep: number; readonly settings: EStepSettings },
): Promise<EStepSummary> {
  const row = await readEStep(database, eStep);
  if (row === null) throw new Error(`Expected E-step ${eStep} in the store, found none`);
  if (row.summary !== null) {
    const { kept, ...summary } = row.summary;
    if (kept === 'all' && settings.keep === 'selected') await closeEStep(database, eStep, summary, 'selected');
    return summary;
  }
  const { openShards, ...summary } = await addUpEStep(database, eStep);
  if (openShards > 0)
    throw new Error(`Expected all shards of E-step ${eStep} to be finished, found ${openShards} open`);
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
 * The EM loop's finished E-step at the same iteration of the run, whose first `samples` candidates another arm can use;
 * null when there is none, when it has fewer, or when its losers were dropped. Only iteration 1 can be shared: from then
 * on the arms' models differ, and other thoughts are not drawn from the arm's own model.
 */
export async function findEStep(
  database: Database,
  { place, samples }: { readonly place: Place; readonly samples: number },
): Promise<EStepRef | null> {
  if (place.iteration !== 1) return null;
  const row = await findEStepAt(database, { ...place, arm: MAIN_ARM });
  if (row === null || !row.finished || row.samples < samples) return null;
  if (row.samples > samples && row.summary?.kept !== 'all') return null;
  return eStepRef(database, row);
}
