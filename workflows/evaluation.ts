import { executeChild } from '@temporalio/workflow';
import { childOptions } from './child-options.ts';
import { evaluationFleetId, evaluationWorkflowId, type Place } from './contract/ids.ts';
import { HELD_OUT, type PromptForm, type Recipe } from './contract/recipe.ts';
import type { CheckpointRef, Metric } from './contract/references.ts';
import { metricsText } from './details.ts';
import { withFleet } from './fleet.ts';
import { control, evaluating } from './proxies.ts';

export interface EvaluationInput {
  readonly place: Place;
  readonly trial: number;
  /** A benchmark of the recipe, or `held-out`. */
  readonly benchmark: string;
  readonly fleet: string;
  readonly checkpoint: CheckpointRef;
  readonly form: PromptForm;
  readonly recipe: Recipe;
}

/** Measures one checkpoint on one benchmark, or its held-out likelihoods. */
export async function evaluation(input: EvaluationInput): Promise<readonly Metric[]> {
  const { recipe, benchmark, ...common } = input;
  const { maxModelLen } = recipe.fleet;
  const asked = { ...common, settings: recipe.evaluation, seed: recipe.seed, maxModelLen };
  if (benchmark === HELD_OUT) {
    const split = recipe.evaluation.heldOut?.split ?? recipe.corpus.train;
    return evaluating.measureHeldOut({
      ...asked,
      corpus: { name: recipe.corpus.name, split },
      segmentation: recipe.segmentation,
      eStep: recipe.eStep,
      fidelity: recipe.fidelity,
    });
  }
  const problems = recipe.evaluation.benchmarks.find(({ name }) => name === benchmark);
  return problems ? evaluating.runBenchmark({ ...asked, benchmark: problems }) : [];
}

/**
 * Measures a trained checkpoint on everything that the recipe asks for and that has no result yet, on one fleet.
 * @returns what each came to, in a few words.
 */
export async function evaluateCheckpoint(
  place: Place,
  trial: number,
  checkpoint: CheckpointRef,
  form: PromptForm,
  recipe: Recipe,
): Promise<readonly string[]> {
  const names = recipe.evaluation.benchmarks.map(({ name }) => name);
  const asked = recipe.evaluation.heldOut ? [...names, HELD_OUT] : names;
  const benchmarks = await control.pendingEvaluations({ place, trial, checkpoint, benchmarks: asked });
  if (benchmarks.length === 0) return [];
  const texts: string[] = [];
  const fleetId = evaluationFleetId(place, trial);
  await withFleet({ place, fleet: fleetId, checkpoint, settings: recipe.fleet }, async () => {
    for (const benchmark of benchmarks) {
      const id = evaluationWorkflowId(place, trial, benchmark);
      const input = { place, trial, benchmark, fleet: fleetId, checkpoint, form, recipe };
      const metrics = await executeChild(evaluation, {
        ...childOptions(id, place, 'evaluation', `${benchmark} · ${place.arm}, iteration ${place.iteration}`),
        args: [input],
      });
      texts.push(metricsText(benchmark, metrics));
    }
  });
  return texts.filter((text) => text !== '');
}
