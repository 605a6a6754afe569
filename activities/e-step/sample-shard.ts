import { CancelledFailure } from '@temporalio/common';
import type { SampleShardInput } from '../../workflows/contract/activities.ts';
import type { SamplingCounts } from '../../workflows/contract/references.ts';
import { failure } from '../failure.ts';
import type { Database } from '../store/pool.ts';
import { withTransaction } from '../store/pool.ts';
import { claimShard, finishShard, holdLease, type ShardClaim } from '../store/shards.ts';
import { durableChunks, shardDocuments, writeChunks } from '../store/thoughts.ts';
import { chunkTexts } from '../segmentation/segment.ts';
import type { Inference } from '../vllm/inference.ts';
import type { ModelDescription } from '../vllm/model-folder.ts';
import { NoServerError } from '../vllm/pool.ts';
import { SpecialTokenInTextError, type TextTokenizer } from '../vllm/tokenizer.ts';
import { VllmError } from '../vllm/vllm-error.ts';
import { annotateChunk, type ChunkTask } from './annotate-chunk.ts';
import type { ChunkOutcome } from './chunk-outcome.ts';
import { GroupCommit } from './group-commit.ts';

/** What sampling a shard needs. */
export interface ShardPorts {
  readonly database: Database;
  readonly inference: Inference;
  readonly model: ModelDescription;
  readonly tokenizer: TextTokenizer;
  /** Who works on the shard, for people. */
  readonly holder: string;
  /** Fires when the work shall stop: chunks under way are finished within `drainMs`, no more are begun. */
  readonly signal: AbortSignal;
  /** How long chunks under way may take after `signal`, milliseconds. */
  readonly drainMs: number;
  /** Told after every group that became durable. */
  readonly onProgress: (progress: ShardProgress) => void;
}

/** How far a shard is. */
export interface ShardProgress {
  /** Chunks that are durable. */
  readonly done: number;
  readonly total: number;
  readonly rejected: number;
}

/**
 * Samples one shard: claims it, asks the store which of its chunks are durable, annotates the others with
 * `chunksInFlight` under way, and makes them durable in groups. Begun again after a crash it does only what is missing;
 * a worker that lost its claim writes nothing more.
 *
 * @returns the counts of the whole shard, whoever did it
 * @throws failure LeaseLost, NoServer, ServerLost, WrongWeights; CancelledFailure after `signal`
 */
export async function sampleShard(input: SampleShardInput, ports: ShardPorts): Promise<SamplingCounts> {
  const claim = await claimShard(ports.database, input.eStep, input.shard, ports.holder);
  if (claim.counts !== null) return claim.counts;

  const durable = await durableChunks(ports.database, claim);
  let done = [...durable.values()].reduce((sum, chunks) => sum + chunks.size, 0);
  let rejected = 0;
  const commits = new GroupCommit<ChunkOutcome>(async (outcomes) => {
    await withTransaction(ports.database, async (connection) => {
      await holdLease(connection, claim);
      await writeChunks(connection, claim.eStep, outcomes);
    });
    done += outcomes.length;
    rejected += outcomes.filter(({ kind }) => kind === 'rejected').length;
    ports.onProgress({ done, total: claim.chunks, rejected });
  });

  // Fires at once when one chunk fails for good, and `drainMs` after the caller's own signal.
  const stop = new AbortController();
  let drain: NodeJS.Timeout | undefined;
  const onSignal = (): void => {
    drain = setTimeout(() => stop.abort(), ports.drainMs);
  };
  if (ports.signal.aborted) stop.abort();
  else ports.signal.addEventListener('abort', onSignal, { once: true });

  const tasks = chunkTasks(input, ports, claim, durable);
  const errors: unknown[] = [];
  let exhausted = false;
  const work = async (): Promise<void> => {
    while (!ports.signal.aborted && !stop.signal.aborted) {
      try {
        const next = await tasks.next();
        if (next.done === true) {
          exhausted = true;
          return;
        }
        await commits.add(await annotate(next.value, input, ports, stop.signal));
      } catch (thrown) {
        errors.push(thrown);
        stop.abort();
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.max(1, input.settings.chunksInFlight) }, work));
  } finally {
    clearTimeout(drain);
    ports.signal.removeEventListener('abort', onSignal);
    await tasks.return(undefined);
  }
  if (ports.signal.aborted && (errors.length > 0 || !exhausted)) throw new CancelledFailure('Sampling stopped');
  if (errors.length > 0) throw shardFailure(errors[0]);
  return finishShard(ports.database, claim);
}

async function annotate(
  task: ChunkTask | ChunkOutcome,
  input: SampleShardInput,
  ports: ShardPorts,
  signal: AbortSignal,
): Promise<ChunkOutcome> {
  if ('kind' in task) return task;
  const { inference, model } = ports;
  const group = `${input.eStep}/${input.shard}`;
  const affinity = `${input.eStep}/${task.place.document}`;
  const { fidelity, settings } = input;
  const deadlineMs = settings.requestTimeoutSeconds * 1000;
  return annotateChunk(task, { inference, model, fidelity, settings }, { group, affinity, signal, deadlineMs });
}

/** The shard's chunks that are not durable yet, encoded; one that cannot be encoded comes as its rejection. */
async function* chunkTasks(
  input: SampleShardInput,
  ports: ShardPorts,
  claim: ShardClaim,
  durable: ReadonlyMap<number, ReadonlySet<number>>,
): AsyncGenerator<ChunkTask | ChunkOutcome, void, undefined> {
  const { seed, settings } = input;
  for await (const { ordinal, context, text, ends } of shardDocuments(ports.database, claim)) {
    const done = durable.get(ordinal);
    if (done?.size === ends.length) continue;
    const texts = chunkTexts(text, ends);
    const encoded = new Map<number, readonly number[]>();
    const encode = (chunk: number): readonly number[] => {
      const ids = encoded.get(chunk) ?? ports.tokenizer.encode(chunk < 0 ? (context ?? '') : (texts[chunk] ?? ''));
      encoded.set(chunk, ids);
      return ids;
    };
    for (const chunk of texts.keys()) {
      if (done?.has(chunk) === true) continue;
      const first = Math.max(0, chunk - settings.prefixChunks);
      try {
        const before = Array.from({ length: chunk - first }, (_, index) => encode(first + index));
        const place = { seed, iteration: input.place.iteration, document: ordinal, chunk };
        yield { place, text: { context: encode(CONTEXT), before, chunk: encode(chunk) } };
      } catch (thrown) {
        if (!(thrown instanceof SpecialTokenInTextError)) throw thrown;
        const where = { document: ordinal, chunk, rounds: 0, prefixChunks: 0, server: null };
        yield { ...where, kind: 'rejected', rejection: 'special-token' };
      }
    }
  }
}

/** Key of the document's context among its encoded chunks. */
const CONTEXT = -1;

/** The failure of the closed list that ends the activity's attempt. */
function shardFailure(thrown: unknown): unknown {
  if (thrown instanceof NoServerError) return failure('NoServer', thrown.message);
  if (!(thrown instanceof VllmError)) return thrown;
  return failure(thrown.failure.kind === 'wrong-weights' ? 'WrongWeights' : 'ServerLost', thrown.message);
}
