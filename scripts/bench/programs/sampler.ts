/**
 * Samples shards in a process of its own, as a sampler worker does, without Temporal around it:
 * `node sampler.ts '<SamplerSettings as JSON>'`. Prints `{"ready":true}` when a server is admitted and it is about to begin, and one
 * {@link SamplerReport} at the end.
 */
import { appendFileSync } from 'node:fs';
import { sampleShard } from '../../../activities/e-step/sample-shard.ts';
import { openDatabase } from '../../../activities/store/pool.ts';
import { listReadyServers } from '../../../activities/store/ready-servers.ts';
import { FleetPools } from '../../../activities/vllm/fleet-pools.ts';
import type { Inference } from '../../../activities/vllm/inference.ts';
import { asServed, loadServedModel } from '../../../activities/vllm/served-model.ts';
import type { SampleShardInput } from '../../../workflows/contract/activities.ts';

export interface SamplerSettings {
  readonly databaseUrl: string;
  readonly dataFolder: string;
  readonly shards: readonly SampleShardInput[];
  /** Shards under way at once. */
  readonly atOnce: number;
  /** Who scores: the server, or nobody (every score is the same), to measure sampling alone. */
  readonly scoring: 'server' | 'none';
  /** File that gets a line of JSON for every request that is made; none where absent. */
  readonly record?: string;
}

export interface SamplerReport {
  readonly chunks: number;
  readonly rejected: number;
  readonly requests: number;
  readonly sampledTokens: number;
  /** From the first claim to the end of the last shard. */
  readonly seconds: number;
  /** Processor time of this process in that time, seconds. */
  readonly cpu: number;
  /** Most memory of this process, bytes. */
  readonly peakMemory: number;
}

/** Scores without asking anybody. */
function unscored(inference: Inference): Inference {
  return {
    ...inference,
    score: (sequences) =>
      Promise.resolve({ answer: sequences.map(({ ids, from }) => ids.slice(from).map(() => -1)), server: 'none' }),
  };
}

function recorded(inference: Inference, file: string): Inference {
  const note = (request: unknown): void => appendFileSync(file, `${JSON.stringify(request)}\n`);
  return {
    ...inference,
    sample: (request, purpose) => {
      note({ sample: request });
      return inference.sample(request, purpose);
    },
    score: (sequences, purpose) => {
      note({ score: sequences.map(({ ids }) => ids) });
      return inference.score(sequences, purpose);
    },
  };
}

const settings = JSON.parse(process.argv[2] ?? '{}') as SamplerSettings;
const { databaseUrl, dataFolder, atOnce, scoring, record } = settings;
const database = openDatabase(databaseUrl);
const pools = new FleetPools({ listServers: (fleet) => listReadyServers(database, fleet) });
const waiting = [...settings.shards];
const [first] = waiting;
if (first === undefined) throw new Error('Expected shards to sample, found none');
const model = asServed(await loadServedModel(dataFolder, first.checkpoint), first.maxModelLen);
// Waits until a server is admitted: that is done once a fleet, not once a measurement.
const admitted = { prompt: [model.description.beginning], maxTokens: 1, temperature: 0 };
await pools.use(first.fleet, model, (inference) => inference.complete(admitted, { group: 'bench' }));
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);

const began = performance.now();
const cpu = process.cpuUsage();
const totals = { chunks: 0, rejected: 0, requests: 0, sampledTokens: 0 };
const work = async (): Promise<void> => {
  for (let shard = waiting.shift(); shard !== undefined; shard = waiting.shift()) {
    const input = shard;
    const counts = await pools.use(input.fleet, model, (pooled) => {
      const asked = record === undefined ? pooled : recorded(pooled, record);
      return sampleShard(input, {
        database,
        inference: scoring === 'none' ? unscored(asked) : asked,
        model: model.description,
        tokenizer: model.tokenizer,
        holder: `bench@${process.pid}`,
        signal: new AbortController().signal,
        drainMs: 0,
        onProgress: () => undefined,
      });
    });
    totals.chunks += counts.chunks;
    totals.rejected += counts.rejected;
    totals.requests += counts.requests;
    totals.sampledTokens += counts.sampledTokens;
  }
};
await Promise.all(Array.from({ length: atOnce }, work));
const used = process.cpuUsage(cpu);
const report: SamplerReport = {
  ...totals,
  seconds: (performance.now() - began) / 1_000,
  cpu: (used.user + used.system) / 1e6,
  peakMemory: process.resourceUsage().maxRSS * 1_024,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
await pools.close();
await database.end();
