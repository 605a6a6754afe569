import { setCurrentDetails } from '@temporalio/workflow';
import type { SampleShardInput } from './contract/activities.ts';
import { Gate } from './gate.ts';
import { sampling } from './proxies.ts';
import { mapWindow, type Range } from './window.ts';

export interface ShardBatchInput extends Omit<SampleShardInput, 'shard'> {
  /** Shard numbers. */
  readonly shards: Range;
}

/** Samples a range of shards, `settings.concurrency` at once; every shard's truth is in the store. */
export async function shardBatch(input: ShardBatchInput): Promise<void> {
  const { shards, settings, ...common } = input;
  const gate = new Gate();
  const total = shards.to - shards.from;
  let done = 0;
  const numbers = Array.from({ length: total }, (_, index) => shards.from + index);
  await mapWindow(numbers, settings.concurrency, async (shard) => {
    await gate.pass();
    await sampling.sampleShard.executeWithOptions({ summary: `shard ${shard}` }, [{ ...common, settings, shard }]);
    done += 1;
    setCurrentDetails(`${done} of ${total} shards`);
  });
}
