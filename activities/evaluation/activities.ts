import { Context } from '@temporalio/activity';
import type { EvaluateInput, EvaluationActivities } from '../../workflows/contract/activities.ts';
import { evaluationWorkflowId } from '../../workflows/contract/ids.ts';
import { SERVER_WAIT_SECONDS } from '../../workflows/contract/limits.ts';
import { HELD_OUT } from '../../workflows/contract/recipe.ts';
import type { Metric } from '../../workflows/contract/references.ts';
import type { Dependencies } from '../dependencies.ts';
import { failure } from '../failure.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { requireStore } from '../store/data-folder.ts';
import { listReadyServers } from '../store/ready-servers.ts';
import { FleetPools } from '../vllm/fleet-pools.ts';
import { heardInference } from '../vllm/heard-inference.ts';
import { requestSilence, type PoolSettings } from '../vllm/pool-settings.ts';
import { asServed, loadServedModel } from '../vllm/served-model.ts';
import type { EvaluationKey, EvaluationPorts, EvaluationProgress } from './evaluation-ports.ts';
import { measureHeldOut } from './measure-held-out.ts';
import { runBenchmark } from './run-benchmark.ts';

function keyOf({ place, trial, checkpoint }: EvaluateInput, benchmark: string): EvaluationKey {
  return { ...place, evaluation: evaluationWorkflowId(place, trial, benchmark), trial, checkpoint: checkpoint.digest };
}

/**
 * The evaluation activities of a worker. Evaluations of one checkpoint in this process share its pool of servers.
 * @param settings times of the pool, where others than its own
 */
export function createEvaluationActivities(
  { database, dataFolder, onServerChange }: Dependencies,
  settings: Partial<PoolSettings> = {},
): EvaluationActivities {
  const pools = new FleetPools({
    listServers: (fleet) => listReadyServers(database, fleet),
    onChange: onServerChange,
    settings: { noServerMs: SERVER_WAIT_SECONDS * 1000, ...settings },
  });

  /** Runs `measure` with heartbeats that carry its progress: also while a single long answer is waited for. */
  async function evaluate(
    { fleet, checkpoint, maxModelLen }: EvaluateInput,
    measure: (ports: EvaluationPorts) => Promise<readonly Metric[]>,
  ): Promise<readonly Metric[]> {
    const { cancellationSignal } = Context.current();
    let progress: EvaluationProgress | null = null;
    return withHeartbeat(
      async (progressed) => {
        await requireStore({ database, dataFolder });
        const model = asServed(await loadServedModel(dataFolder, checkpoint), maxModelLen);
        return measure({
          database,
          dataFolder,
          model,
          withInference: (work) => pools.use(fleet, model, (inference) => work(heardInference(inference, progressed))),
          signal: cancellationSignal,
          onProgress: (now) => {
            progressed();
            progress = now;
          },
        });
      },
      { details: () => progress, waits: () => pools.lacksServer(fleet), silenceMs: requestSilence() },
    );
  }

  return {
    async runBenchmark(input) {
      const { benchmark, form, settings: evaluation } = input;
      const task = { key: keyOf(input, benchmark.name), benchmark, form, concurrency: evaluation.concurrency };
      return evaluate(input, (ports) => runBenchmark(task, ports));
    },

    async measureHeldOut(input) {
      const { heldOut, concurrency } = input.settings;
      if (heldOut === null) throw failure('RecipeInvalid', 'Expected evaluation.held-out in the recipe, found none');
      const { corpus, segmentation, form, fidelity, seed } = input;
      const { documents, samples } = heldOut;
      const { maxThoughtTokens } = input.eStep;
      const bound = { documents, samples, maxThoughtTokens, fidelity, seed, concurrency };
      const task = { key: keyOf(input, HELD_OUT), corpus, segmentation, form, ...bound };
      return evaluate(input, (ports) => measureHeldOut(task, ports));
    },
  };
}
