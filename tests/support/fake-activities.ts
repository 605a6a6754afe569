import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type {
  ClusterActivities,
  ControlActivities,
  EvaluationActivities,
  RunProgress,
  SamplingActivities,
} from '../../workflows/contract/activities.ts';
import { failure } from '../../activities/failure.ts';
import type { FailureType } from '../../workflows/contract/failures.ts';
import type { DocumentRange } from '../../workflows/contract/references.ts';
import { trainingKey, baseModelKey } from '../../workflows/contract/ids.ts';

type All = ControlActivities & SamplingActivities & ClusterActivities & EvaluationActivities;

/**
 * A fake of every activity, in memory: it finishes at once what it is asked for and notes the calls. For tests of the
 * workflows alone; the real activities have tests of their own.
 */
export class FakeActivities {
  /** `name place` of every call, in order, e.g. `sampleShard latent/1/0`. */
  readonly calls: string[] = [];
  readonly progress: RunProgress[] = [];
  readonly events: string[] = [];
  /** Words of the operator that were recorded: paused, or not any more. */
  readonly pauses: boolean[] = [];
  /** Jobs that were stopped. */
  readonly cancelled: string[] = [];
  /** Fleets whose servers were stopped once more at their end. */
  readonly released: string[] = [];
  /** Servers up now, `fleet/slot`. */
  readonly servers = new Set<string>();
  shards = 5;
  /** Ranges of a split that are each an activity's work; 1 where the split is small. */
  ranges = 1;
  /** Whether the one chunk of each shard is rejected. */
  rejects = false;
  readonly #failures = new Map<string, { type: FailureType; times: number }>();
  readonly #hangs = new Set<string>();
  readonly #released = new Map<string, (() => void)[]>();

  /** The next `times` calls of this name fail for good. */
  failNext(call: string, type: FailureType, times = 1): void {
    this.#failures.set(call, { type, times });
  }

  /** Calls of this name heartbeat until they are cancelled. */
  hang(call: string): void {
    this.#hangs.add(call);
  }

  /** Calls of this name heartbeat until they are cancelled or the function returned is called. */
  hold(call: string): () => void {
    this.#hangs.add(call);
    return () => {
      this.#hangs.delete(call);
      this.#released.get(call)?.forEach((release) => release());
    };
  }

  async #hang(call: string): Promise<void> {
    if (!this.#hangs.has(call)) return;
    const released = new Promise<void>((resolve) => {
      this.#released.set(call, [...(this.#released.get(call) ?? []), resolve]);
    });
    await this.#untilCancelled(released);
  }

  #note(name: string, where: string): void {
    this.calls.push(where === '' ? name : `${name} ${where}`);
    this.#fail(name);
  }

  #fail(name: string): void {
    const planned = this.#failures.get(name);
    if (planned && planned.times > 0) {
      planned.times -= 1;
      throw failure(planned.type, `planned failure of ${name}`);
    }
  }

  /** Ranges of a hundred documents that no call has done yet. */
  #open(call: string, inRanges = false): DocumentRange[] {
    if (!inRanges || this.ranges === 1) return [];
    return Array.from({ length: this.ranges }, (_, index) => ({ from: 100 * index, to: 100 * (index + 1) })).filter(
      ({ from }) => !this.calls.includes(`${call} ${from}`),
    );
  }

  async #untilCancelled(released?: Promise<void>): Promise<void> {
    const context = Context.current();
    const timer = setInterval(() => context.heartbeat(), 500);
    try {
      await Promise.race([context.cancelled, ...(released ? [released] : [])]);
    } finally {
      clearInterval(timer);
    }
  }

  activities(): All {
    const where = ({ arm, iteration }: { arm: string; iteration: number }): string => `${arm}/${iteration}`;
    const counts = { chunks: 1, selected: 1, rejected: 0, sampledTokens: 1, scoredTokens: 1, requests: 2 };
    const summary = { ...counts, essMean: 1, elboMean: -1, thoughtTokensMean: 1, seconds: 1 };
    const trained = (key: string): Awaited<ReturnType<All['awaitJob']>> => ({
      checkpoint: { key, digest: key, folder: key },
      steps: 1,
      tokens: 1,
      loss: 1,
      seconds: 1,
    });
    return {
      recordProgress: async (progress) => {
        if (progress.status === 'Running') this.#fail('recordProgress');
        this.progress.push(progress);
      },
      recordPause: async ({ paused }) => {
        this.#note('recordPause', String(paused));
        await this.#hang(`recordPause ${paused}`);
        this.pauses.push(paused);
      },
      recordEvent: async ({ kind, message }) => void this.events.push(`${kind}: ${message}`),
      recordIteration: async ({ place }) => this.#note('recordIteration', where(place)),
      planRawBudget: async ({ match }) => {
        this.#note('planRawBudget', match);
        return { tokens: 100 };
      },
      pendingEvaluations: async ({ benchmarks }) => benchmarks,
      planEStep: async ({ place, inRanges }) => {
        this.#note('planEStep', where(place));
        const uncut = this.#open(`cutDocuments ${where(place)}`, inRanges);
        if (uncut.length > 0) return { open: 'cutting', ranges: uncut };
        return { eStep: place.iteration, shards: this.shards, open: this.shards, chunks: 10, documents: 10 };
      },
      sampleShard: async ({ place, shard }) => {
        this.#note('sampleShard', `${where(place)}/${shard}`);
        await this.#hang('sampleShard');
        await this.#hang(`sampleShard ${where(place)}/${shard}`);
        return this.rejects ? { ...counts, selected: 0, rejected: 1 } : counts;
      },
      finishEStep: async ({ eStep }) => {
        this.#note('finishEStep', String(eStep));
        return summary;
      },
      findEStep: async ({ place, samples }) => {
        this.#note('findEStep', `${where(place)} K=${samples}`);
        return { eStep: 1, shards: this.shards, open: 0, chunks: 10, documents: 10 };
      },
      cutDocuments: async ({ place, range }) => this.#note('cutDocuments', `${where(place)} ${range.from}`),
      buildTrainingSet: async ({ place, source, inRanges }) => {
        this.#note('buildTrainingSet', `${where(place)} ${source.kind}`);
        const unwritten = this.#open(`writeTrainingRange ${where(place)}`, inRanges);
        if (unwritten.length > 0) return { open: 'writing', ranges: unwritten };
        return { folder: 'f', digest: 'd', documents: 1, chunks: 1, tokens: 10, rawTokens: 5 };
      },
      writeTrainingRange: async ({ place, range }) => {
        this.#note('writeTrainingRange', `${where(place)} ${range.from}`);
      },
      submitBase: async ({ run, generation }) => {
        this.#note('submitBase', '');
        return { key: baseModelKey(run, generation), cluster: 'process' };
      },
      submitTraining: async ({ place, trial, generation, init }) => {
        this.#note('submitTraining', `${where(place)} from ${init.key}`);
        return { key: trainingKey(place, trial, generation), cluster: 'process' };
      },
      awaitJob: async ({ key }) => {
        this.#note('awaitJob', key);
        await this.#hang('awaitJob');
        return trained(key);
      },
      cancelJob: async ({ key }) => void this.cancelled.push(key),
      superviseServer: async ({ fleet, slot }) => {
        this.#note('superviseServer', `${fleet}/${slot}`);
        this.servers.add(`${fleet}/${slot}`);
        try {
          await this.#untilCancelled();
        } finally {
          // A server takes its time to stop: who does not wait for it sees it still there.
          await sleep(300);
          this.servers.delete(`${fleet}/${slot}`);
        }
      },
      releaseFleet: async ({ fleet }) => void this.released.push(fleet),
      runBenchmark: async ({ place, benchmark, form }) => {
        this.#note('runBenchmark', `${where(place)} ${benchmark.name} ${form}`);
        await this.#hang('runBenchmark');
        return [];
      },
      measureHeldOut: async ({ place, form }) => {
        this.#note('measureHeldOut', `${where(place)} ${form}`);
        return [];
      },
    };
  }
}
