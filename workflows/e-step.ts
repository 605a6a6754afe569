import { patched, setCurrentDetails, startChild } from '@temporalio/workflow';
import { childOptions } from './child-options.ts';
import { samplingFleetId, shardBatchWorkflowId, type Place } from './contract/ids.ts';
import { MAX_SHARDS_PER_BATCH } from './contract/limits.ts';
import type { Recipe } from './contract/recipe.ts';
import { hopeless } from './contract/rejections.ts';
import type { CheckpointRef, EStepRef, EStepSummary } from './contract/references.ts';
import { addCounts, eStepLine, NOTHING_SAMPLED, samplingDetails, type SamplingProgress } from './details.ts';
import { withFleet } from './fleet.ts';
import { Gate } from './gate.ts';
import { madeInRanges, rangeSummary } from './in-ranges.ts';
import { tooManyRejections, untilInVain } from './in-vain.ts';
import { sampling } from './proxies.ts';
import { shardBatch } from './shard-batch.ts';
import { mapWindow, ranges, type Range } from './window.ts';

export interface EStepInput {
  readonly place: Place;
  readonly recipe: Recipe;
  /** M_{t−1}: the model that both proposes and scores. */
  readonly checkpoint: CheckpointRef;
}

export interface EStepResult {
  readonly ref: EStepRef;
  readonly summary: EStepSummary;
}

/**
 * The E-step of one iteration: cut and plan, then sample K thoughts a chunk from the fleet of M_{t−1}, weigh them by
 * p(Z,X)/q(Z|X) and select one. Started again, it goes on where the store says. It stops as soon as too many chunks are
 * rejected for it to end well.
 */
export async function eStep({ place, recipe, checkpoint }: EStepInput): Promise<EStepResult> {
  const gate = new Gate();
  const settings = recipe.eStep;
  const { seed, fidelity } = recipe;
  const split = {
    place,
    corpus: { name: recipe.corpus.name, split: recipe.corpus.train },
    segmentation: recipe.segmentation,
  };
  const ref = await madeInRanges(
    gate,
    (inRanges) => sampling.planEStep({ ...split, seed, fidelity, settings, checkpoint, inRanges }),
    (_, range) => sampling.cutDocuments.executeWithOptions({ summary: rangeSummary(range) }, [{ ...split, range }]),
  );
  if (ref.open > 0) {
    const fleetId = samplingFleetId(place);
    const batches = ranges(ref.shards, Math.min(settings.shardsPerBatch, MAX_SHARDS_PER_BATCH));
    const { maxModelLen } = recipe.fleet;
    const began = Date.now();
    let progress: SamplingProgress = { ...NOTHING_SAMPLED, shards: { done: 0, failed: 0, total: ref.shards } };
    let done = 0;
    const show = (): void => {
      const lines = [
        samplingDetails(progress),
        `${done} of ${batches.length} batches · ${ref.chunks} chunks in all · K = ${settings.samples} on ${checkpoint.key}`,
        `Servers: \`${fleetId}\`, batches: \`${shardBatchWorkflowId(place, 0)}\` …`,
      ];
      setCurrentDetails(lines.join('\n\n'));
    };
    show();
    const sample = async (shards: Range, index: number): Promise<void> => {
      const common = { place, seed, fidelity, settings, checkpoint, maxModelLen, planned: ref.chunks };
      const input = { ...common, eStep: ref.eStep, shards, fleet: fleetId };
      const summary = `shards ${shards.from}–${shards.to - 1} of ${ref.shards}`;
      const batch = await gate.through(() =>
        startChild(shardBatch, {
          ...childOptions(shardBatchWorkflowId(place, index), place, 'e-step', summary),
          args: [input],
        }),
      );
      done += 1;
      const { shards: sampled, pace } = progress;
      const counts = addCounts(progress.counts, batch.counts);
      progress = {
        counts,
        shards: { ...sampled, done: sampled.done + batch.shards.done },
        pace: {
          shards: pace.shards + batch.pace.shards,
          tokens: pace.tokens + batch.pace.tokens,
          milliseconds: Date.now() - began,
        },
      };
      show();
      if (hopeless(counts, ref.chunks, settings.maxRejected) && patched('stop-in-vain')) {
        throw tooManyRejections(counts, ref.chunks, settings.maxRejected);
      }
    };
    await withFleet({ place, fleet: fleetId, checkpoint, settings: recipe.fleet }, () =>
      untilInVain((part) =>
        mapWindow(batches, settings.batchesAtOnce, (shards, index) => part(() => sample(shards, index))),
      ),
    );
  }
  const summary = await sampling.finishEStep({ eStep: ref.eStep, settings });
  setCurrentDetails(eStepLine(summary));
  return { ref, summary };
}
