import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { eStepWorkflowId, samplingFleetId, shardBatchWorkflowId } from '../../../workflows/contract/ids.ts';
import type { Recipe } from '../../../workflows/contract/recipe.ts';
import { TASK_QUEUES } from '../../../workflows/contract/task-queues.ts';
import { BENCH_CHECKPOINT } from '../bench-model.ts';
import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, BENCH_SEGMENTATION, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import { BenchProcess } from '../bench-process.ts';
import { startBenchStack, type BenchStack } from '../bench-stack.ts';
import type { BenchResult } from '../figure.ts';
import { processorSeconds } from '../processor-time.ts';
import type { SamplerReport } from '../programs/sampler.ts';
import { program, SERVED_NAME } from '../world.ts';

/**
 * What it costs that an E-step is a workflow: the workflow `eStep` on a real Temporal server with real workers and a fleet,
 * beside the same shards sampled by one process without Temporal. Both take the same time for their requests: answers take
 * two seconds, so that a shard takes a minute, four at once.
 */
export const orchestration: Bench = {
  what: 'workflow events, bytes and time that Temporal adds to an E-step whose shards take a minute',
  run: measure,
};

interface Extent {
  readonly latencyMs: number;
  readonly shards: number;
  readonly shardChunks: number;
  readonly chunksInFlight: number;
}

/** 125 chunks under way take 2 × 2 s: 1,875 chunks a minute. */
const WHOLE: Extent = { latencyMs: 2_000, shards: 8, shardChunks: 1_875, chunksInFlight: 125 };
const QUICK: Extent = { latencyMs: 20, shards: 4, shardChunks: 50, chunksInFlight: 10 };

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const extent = quick ? QUICK : WHOLE;
  const stack = await startBenchStack(extent.latencyMs);
  try {
    const documents = extent.shards * extent.shardChunks;
    await makeCorpus(stack.database, 'orchestration', { documents, chunks: 1, letters: 64 });
    const first = await direct(stack, extent, 'direct-1');
    tell(`  without Temporal: ${first.toFixed(1)} s`);
    const flow = await underTemporal(stack, extent, 'flow');
    tell(`  with Temporal: ${JSON.stringify(flow)}`);
    const second = await direct(stack, extent, 'direct-2');
    const without = (first + second) / 2;
    const per = documents / 1_000;
    return {
      figures: [
        {
          name: 'time over the same requests without Temporal',
          value: flow.batches / without,
          unit: '×',
          of: "seconds from the fleet's being ready to the end of the last batch, over a sampler process's own",
          target: { atMost: 1.02 },
        },
        {
          name: 'events',
          value: flow.events / per,
          unit: 'events per 1,000 chunks',
          of: 'events of the histories of E-step, batches and fleet',
          target: { atMost: 20 },
        },
        {
          name: 'history',
          value: flow.historyBytes / per,
          unit: 'bytes per 1,000 chunks',
          of: 'sizes of these histories',
        },
        {
          name: 'giving back',
          value: flow.afterwards,
          unit: 's an E-step',
          of: 'from the end of the last batch to the end of the E-step: servers stopped, everything added up',
        },
        {
          name: 'processor time of Temporal and control worker',
          value: flow.cpu / per,
          unit: 's per 1,000 chunks',
          of: 'both processes, from start to end of the E-step',
        },
      ],
      measured: { extent, withoutTemporal: [first, second], withTemporal: flow },
    };
  } finally {
    await stack.stop();
  }
}

function settingsOf({ shardChunks, chunksInFlight }: Extent): Recipe['eStep'] {
  return { ...BENCH_E_STEP, shardDocuments: shardChunks, chunksInFlight, concurrency: 4, batchesAtOnce: 1 };
}

/** Seconds of the same shards without Temporal. */
async function direct(stack: BenchStack, extent: Extent, run: string): Promise<number> {
  const { database, databaseUrl, dataFolder } = stack;
  const plan = await planBench(database, run, 'orchestration', settingsOf(extent));
  const server = BenchProcess.node(program('./server/quick-server.ts'), {
    model: join(dataFolder, BENCH_CHECKPOINT.folder, 'model'),
    servedName: SERVED_NAME,
    latencyMs: extent.latencyMs,
    thoughtTokens: 32,
    port: 0,
  });
  try {
    const { url } = await server.next<{ url: string }>();
    await listServers(database, run, [url], SERVED_NAME);
    const settings = { databaseUrl, dataFolder, shards: plan.shards, atOnce: 4, scoring: 'server' };
    const sampler = BenchProcess.node(program('./programs/sampler.ts'), settings);
    await sampler.next();
    const { seconds } = await sampler.next<SamplerReport>();
    await sampler.end();
    return seconds;
  } finally {
    await server.stop('SIGTERM');
  }
}

interface Flow {
  /** Seconds from the fleet's being ready to the end of the last batch. */
  readonly batches: number;
  /** Seconds from there to the end of the E-step. */
  readonly afterwards: number;
  readonly events: number;
  readonly historyBytes: number;
  readonly temporalFileBytes: number;
  /** Seconds. */
  readonly cpu: number;
}

async function underTemporal(stack: BenchStack, extent: Extent, run: string): Promise<Flow> {
  const { database } = stack;
  const settings = settingsOf(extent);
  // Plans it: that is not what is compared.
  await planBench(database, run, 'orchestration', settings);
  const place = { run, arm: 'latent', iteration: 1 };
  const recipe = {
    seed: 7,
    fidelity: 'corrected',
    corpus: { name: 'orchestration', train: 'train', warmStart: 'train' },
    segmentation: BENCH_SEGMENTATION,
    eStep: settings,
    fleet: {
      servers: 1,
      cluster: 'process',
      dtype: 'float32',
      maxNumSeqs: null,
      maxModelLen: null,
      kvCacheGigabytes: null,
      prefixCaching: false,
      arguments: [],
      startTimeoutSeconds: 120,
    },
  } satisfies Partial<Recipe>;
  const connection = await Connection.connect({ address: stack.temporal });
  const client = new Client({ connection });
  const used = (): number =>
    ['temporal', 'control'].reduce((sum, name) => sum + processorSeconds(stack.processes.get(name) ?? 0), 0);
  const cpu = used();
  const bytes = temporalFiles(stack);
  const workflowId = eStepWorkflowId(place);
  const handle = await client.workflow.start('eStep', {
    workflowId,
    taskQueue: TASK_QUEUES.control,
    args: [{ place, recipe, checkpoint: BENCH_CHECKPOINT }],
  });
  const result = handle.result();
  result.catch(() => undefined);
  const ready = await readyAt(stack, samplingFleetId(place), result);
  await result;
  const spent = used() - cpu;
  const ids = [workflowId, samplingFleetId(place), shardBatchWorkflowId(place, 0)];
  const described = await Promise.all(ids.map((id) => client.workflow.getHandle(id).describe()));
  const closed = (index: number): number => described[index]?.closeTime?.getTime() ?? Number.NaN;
  await connection.close();
  return {
    batches: (closed(2) - ready) / 1_000,
    afterwards: (closed(0) - closed(2)) / 1_000,
    events: described.reduce((sum, { historyLength }) => sum + historyLength, 0),
    historyBytes: described.reduce((sum, { historySize }) => sum + (historySize ?? 0), 0),
    temporalFileBytes: temporalFiles(stack) - bytes,
    cpu: spent,
  };
}

/** When the fleet's server was ready, milliseconds since 1970. */
async function readyAt({ database }: BenchStack, fleet: string, ended: Promise<unknown>): Promise<number> {
  let failed: Error | undefined;
  ended.catch((error: unknown) => (failed = error instanceof Error ? error : new Error(String(error))));
  for (;;) {
    const { rows } = await database.query<{ at: Date }>(
      `select updated_at as at from servers where fleet = $1 and state = 'ready'`,
      [fleet],
    );
    if (rows[0] !== undefined) return rows[0].at.getTime();
    if (failed !== undefined) throw failed;
    await sleep(20);
  }
}

function temporalFiles({ dataFolder }: BenchStack): number {
  return readdirSync(dataFolder)
    .filter((name) => name.startsWith('temporal.db'))
    .reduce((sum, name) => sum + statSync(join(dataFolder, name)).size, 0);
}
