import { patched, setCurrentDetails } from '@temporalio/workflow';
import type { SampleShardInput } from './contract/activities.ts';
import { hopeless } from './contract/rejections.ts';
import { addCounts, NOTHING_SAMPLED, samplingDetails, type SamplingProgress } from './details.ts';
import { Gate } from './gate.ts';
import { tooManyRejections, untilInVain } from './in-vain.ts';
import { sampling } from './proxies.ts';
import { mapWindow, type Range } from './window.ts';

export interface ShardBatchInput extends Omit<SampleShardInput, 'shard'> {
  /** Shard numbers. */
  readonly shards: Range;
}

/** A shard that comes back sooner was finished by an earlier attempt: it says nothing of the pace. */
const SOONEST_MILLISECONDS = 500;

/**
 * Samples a range of shards, `settings.concurrency` at once; every shard's truth is in the store. Stops as soon as too many
 * chunks are rejected for the E-step to end well.
 */
export async function shardBatch(input: ShardBatchInput): Promise<SamplingProgress> {
  const { shards, settings, ...common } = input;
  const gate = new Gate();
  const began = Date.now();
  const total = shards.to - shards.from;
  let progress: SamplingProgress = { ...NOTHING_SAMPLED, shards: { done: 0, failed: 0, total } };
  const show = (changes: Partial<SamplingProgress>): void => {
    progress = {
      ...progress,
      ...changes,
      pace: { ...(changes.pace ?? progress.pace), milliseconds: Date.now() - began },
    };
    setCurrentDetails(samplingDetails(progress));
  };
  const numbers = Array.from({ length: total }, (_, index) => shards.from + index);
  const sample = async (shard: number): Promise<void> => {
    await gate.pass();
    const started = Date.now();
    const one = { ...common, settings, shard };
    const summary = `shard ${shard}`;
    try {
      const counts = await sampling.sampleShard.executeWithOptions({ summary }, [one]);
      const { done, failed } = progress.shards;
      const fresh = Date.now() - started >= SOONEST_MILLISECONDS;
      const { pace } = progress;
      show({
        counts: addCounts(progress.counts, counts),
        shards: { done: done + 1, failed, total },
        ...(fresh ? { pace: { ...pace, shards: pace.shards + 1, tokens: pace.tokens + counts.sampledTokens } } : {}),
      });
    } catch (error) {
      show({ shards: { ...progress.shards, failed: progress.shards.failed + 1 } });
      throw error;
    }
    const { planned } = common;
    const { counts } = progress;
    if (planned !== undefined && hopeless(counts, planned, settings.maxRejected) && patched('stop-in-vain')) {
      throw tooManyRejections(counts, planned, settings.maxRejected);
    }
  };
  await untilInVain((part) => mapWindow(numbers, settings.concurrency, (shard) => part(() => sample(shard))));
  return progress;
}
