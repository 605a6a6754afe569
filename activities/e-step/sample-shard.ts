import { CancelledFailure } from '@temporalio/common';
import type { SampleShardInput } from '../../workflows/contract/activities.ts';
import { hopeless, hopelessMessage } from '../../workflows/contract/rejections.ts';
import type { SamplingCounts } from '../../workflows/contract/references.ts';
import { failure } from '../failure.ts';
import type { Database } from '../store/pool.ts';
import { withTransaction } from '../store/pool.ts';
import { claimShard, finishShard, holdLease } from '../store/shards.ts';
import { durableChunks, writeChunks } from '../store/thoughts.ts';
import type { Inference } from '../vllm/inference.ts';
import type { ModelDescription } from '../vllm/model-folder.ts';
import { NoServerError } from '../vllm/pool.ts';
import type { TextTokenizer } from '../vllm/tokenizer.ts';
import { VllmError } from '../vllm/vllm-error.ts';
import { annotateChunk, type ChunkTask } from './annotate-chunk.ts';
import type { ChunkOutcome } from './chunk-outcome.ts';
import { chunkTasks } from './chunk-tasks.ts';
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
 * `chunksInFlight` under way, and makes them durable in groups, as many again at most that wait for it. Begun again after a
 * crash it does only what is missing; a worker that lost its claim writes nothing more. A chunk over which servers are lost
 * is set aside and tried again alone at the end, so that it neither fails its shard nor goes round for ever. The shard stops
 * where so many are rejected that the E-step cannot end well.
 *
 * @returns the counts of the whole shard, whoever did it
 * @throws failure LeaseLost, NoServer, ServerLost, WrongWeights, TooManyRejections; CancelledFailure after `signal`
 */
export async function sampleShard(input: SampleShardInput, ports: ShardPorts): Promise<SamplingCounts> {
  const claim = await claimShard(ports.database, input.eStep, input.shard, ports.holder);
  if (claim.counts !== null) return claim.counts;

  const durable = await durableChunks(ports.database, claim);
  let done = [...durable.values()].reduce((sum, chunks) => sum + chunks.size, 0);
  let rejected = 0;
  let sampled = 0;
  const width = Math.max(1, input.settings.chunksInFlight);
  const commits = new GroupCommit<ChunkOutcome>(async (first, takeLate) => {
    const outcomes = await withTransaction(ports.database, async (connection) => {
      await holdLease(connection, claim);
      const group = [...first, ...takeLate()];
      await writeChunks(connection, claim.eStep, group);
      return group;
    });
    done += outcomes.length;
    sampled += outcomes.length;
    rejected += outcomes.filter(({ kind }) => kind === 'rejected').length;
    ports.onProgress({ done, total: claim.chunks, rejected });
  }, width);

  // Fires at once when one chunk fails for good, and `drainMs` after the caller's own signal.
  const stop = new AbortController();
  let drain: NodeJS.Timeout | undefined;
  const onSignal = (): void => {
    drain = setTimeout(() => stop.abort(), ports.drainMs);
  };
  if (ports.signal.aborted) stop.abort();
  else ports.signal.addEventListener('abort', onSignal, { once: true });

  const tasks = chunkTasks(input, ports, claim, durable);
  const { planned, settings } = input;
  const inVain = (): boolean =>
    planned !== undefined && hopeless({ chunks: sampled, rejected }, planned, settings.maxRejected);
  const errors: unknown[] = [];
  /** Chunks whose requests no server survived; at most as many as are under way at once, else servers are the cause. */
  const aside: ChunkTask[] = [];
  /** Takes tasks until there are none. @returns whether it came to their end */
  const work = async (next: () => Promise<ChunkTask | ChunkOutcome | undefined>, alone: boolean): Promise<boolean> => {
    while (!ports.signal.aborted && !stop.signal.aborted && !inVain()) {
      try {
        const task = await next();
        if (task === undefined) return true;
        const outcome = await annotate(task, input, ports, stop.signal, alone);
        if (outcome !== null) await commits.add(outcome);
        else if (aside.length < width) aside.push(task as ChunkTask);
        else throw failure('ServerLost', `More than ${width} chunks were lost with their servers`);
      } catch (thrown) {
        errors.push(thrown);
        stop.abort();
      }
    }
    return false;
  };
  const all = async (): Promise<boolean> => {
    const one = async (): Promise<ChunkTask | ChunkOutcome | undefined> => {
      const next = await tasks.next();
      return next.done === true ? undefined : next.value;
    };
    const ends = await Promise.all(Array.from({ length: width }, () => work(one, false)));
    // One after the other: what ruins a server takes along whatever is there beside it.
    return ends.includes(true) && (aside.length === 0 || (await work(() => Promise.resolve(aside.shift()), true)));
  };
  let complete: boolean;
  try {
    complete = await all();
    await commits.flush().catch((thrown: unknown) => errors.push(thrown));
  } finally {
    clearTimeout(drain);
    ports.signal.removeEventListener('abort', onSignal);
    await tasks.return(undefined);
  }
  if (ports.signal.aborted && (errors.length > 0 || !complete)) throw new CancelledFailure('Sampling stopped');
  if (errors.length > 0) throw shardFailure(errors[0]);
  if (complete) return finishShard(ports.database, claim);
  throw failure(
    'TooManyRejections',
    hopelessMessage({ chunks: sampled, rejected }, planned ?? claim.chunks, settings.maxRejected),
  );
}

/**
 * What comes of a task; null where every server that was asked was lost over it, and other requests were there too.
 * @param alone whether nothing else of this shard is under way: a chunk that ruins servers even so is rejected
 */
async function annotate(
  task: ChunkTask | ChunkOutcome,
  input: SampleShardInput,
  ports: ShardPorts,
  signal: AbortSignal,
  alone: boolean,
): Promise<ChunkOutcome | null> {
  if ('kind' in task) return task;
  const { inference, model } = ports;
  const group = `${input.eStep}/${input.shard}`;
  const affinity = `${input.eStep}/${task.place.document}`;
  const { fidelity, settings } = input;
  const deadlineMs = settings.requestTimeoutSeconds * 1000;
  try {
    const purpose = { group, order: input.shard, affinity, signal, deadlineMs };
    return await annotateChunk(task, { inference, model, fidelity, settings }, purpose);
  } catch (thrown) {
    if (!(thrown instanceof VllmError) || thrown.failure.kind !== 'lost') throw thrown;
    if (!alone) return null;
    const { document, chunk } = task.place;
    const { server } = thrown;
    return { kind: 'rejected', rejection: 'crash', document, chunk, rounds: 0, prefixChunks: 0, server };
  }
}

/** The failure of the closed list that ends the activity's attempt. */
function shardFailure(thrown: unknown): unknown {
  if (thrown instanceof NoServerError) return failure('NoServer', thrown.message);
  if (!(thrown instanceof VllmError)) return thrown;
  return failure(thrown.failure.kind === 'wrong-weights' ? 'WrongWeights' : 'ServerLost', thrown.message);
}
