import { Context } from '@temporalio/activity';
import type { SampleShardInput, SamplingActivities } from '../../workflows/contract/activities.ts';
import { SERVER_WAIT_SECONDS } from '../../workflows/contract/limits.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import type { Dependencies } from '../dependencies.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { requireStore } from '../store/data-folder.ts';
import { listReadyServers } from '../store/ready-servers.ts';
import type { ExpectedModel } from '../vllm/admission.ts';
import { FleetPools } from '../vllm/fleet-pools.ts';
import { heardInference } from '../vllm/heard-inference.ts';
import { requestSilence } from '../vllm/pool-settings.ts';
import { asServed, loadServedModel } from '../vllm/served-model.ts';
import { sampleShard, type ShardProgress } from './sample-shard.ts';

/** Chunks under way may take this long after a cancellation; under the 40 s after which a worker that ends is forced to. */
const DRAIN_MS = 20_000;

/** Sampling on the sampler workers. All shards of a process that sample from one fleet share its pool of servers. */
export function createSamplingActivities({
  database,
  dataFolder,
  onServerChange,
}: Dependencies): Pick<SamplingActivities, 'sampleShard'> {
  const models = new Map<string, Promise<ExpectedModel>>();
  const pools = new FleetPools({
    listServers: (fleet) => listReadyServers(database, fleet),
    onChange: onServerChange,
    settings: { noServerMs: SERVER_WAIT_SECONDS * 1000 },
  });

  /** Models of the two latest checkpoints stay loaded: a worker samples from one, or two while arms overlap. */
  function servedModel(checkpoint: CheckpointRef): Promise<ExpectedModel> {
    const known = models.get(checkpoint.digest);
    if (known !== undefined) return known;
    const loading = loadServedModel(dataFolder, checkpoint);
    loading.catch(() => models.delete(checkpoint.digest));
    models.set(checkpoint.digest, loading);
    const [oldest] = models.keys();
    if (models.size > 2 && oldest !== undefined) models.delete(oldest);
    return loading;
  }

  return {
    async sampleShard(input: SampleShardInput) {
      const { info, cancellationSignal } = Context.current();
      let progress: ShardProgress | null = null;
      return withHeartbeat(
        async (progressed) => {
          await requireStore({ database, dataFolder });
          const model = asServed(await servedModel(input.checkpoint), input.maxModelLen);
          return pools.use(input.fleet, model, (inference) =>
            sampleShard(input, {
              database,
              inference: heardInference(inference, progressed),
              model: model.description,
              tokenizer: model.tokenizer,
              holder: `${info.activityId}@${process.pid}`,
              signal: cancellationSignal,
              drainMs: DRAIN_MS,
              onProgress: (now) => {
                progressed();
                progress = now;
              },
            }),
          );
        },
        {
          details: () => progress,
          waits: () => pools.lacksServer(input.fleet),
          silenceMs: requestSilence(input.settings.requestTimeoutSeconds * 1000),
        },
      );
    },
  };
}
