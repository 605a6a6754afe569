import type { SampleShardInput } from '../../workflows/contract/activities.ts';
import { chunkTexts } from '../segmentation/segment.ts';
import type { Database } from '../store/pool.ts';
import type { ShardClaim } from '../store/shards.ts';
import { shardDocuments } from '../store/thoughts.ts';
import { SpecialTokenInTextError, type TextTokenizer } from '../vllm/tokenizer.ts';
import type { ChunkTask } from './annotate-chunk.ts';
import type { ChunkOutcome } from './chunk-outcome.ts';

/** Key of the document's context among its encoded chunks. */
const CONTEXT = -1;

/** The shard's chunks that are not durable yet, encoded; one that cannot be encoded comes as its rejection. */
export async function* chunkTasks(
  { seed, settings, place: { iteration } }: SampleShardInput,
  { database, tokenizer }: { readonly database: Database; readonly tokenizer: TextTokenizer },
  claim: ShardClaim,
  durable: ReadonlyMap<number, ReadonlySet<number>>,
): AsyncGenerator<ChunkTask | ChunkOutcome, void, undefined> {
  for await (const { ordinal, context, text, ends } of shardDocuments(database, claim)) {
    const done = durable.get(ordinal);
    if (done?.size === ends.length) continue;
    const texts = chunkTexts(text, ends);
    const encoded = new Map<number, readonly number[]>();
    const encode = (chunk: number): readonly number[] => {
      const ids = encoded.get(chunk) ?? tokenizer.encode(chunk < 0 ? (context ?? '') : (texts[chunk] ?? ''));
      encoded.set(chunk, ids);
      return ids;
    };
    for (const chunk of texts.keys()) {
      if (done?.has(chunk) === true) continue;
      const first = Math.max(0, chunk - settings.prefixChunks);
      try {
        const before = Array.from({ length: chunk - first }, (_, index) => encode(first + index));
        const place = { seed, iteration, document: ordinal, chunk };
        yield { place, text: { context: encode(CONTEXT), before, chunk: encode(chunk) } };
      } catch (thrown) {
        if (!(thrown instanceof SpecialTokenInTextError)) throw thrown;
        const where = { document: ordinal, chunk, rounds: 0, prefixChunks: 0, server: null };
        yield { ...where, kind: 'rejected', rejection: 'special-token' };
      }
    }
  }
}
