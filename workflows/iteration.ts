import { startChild } from '@temporalio/workflow';
import { childOptions } from './child-options.ts';
import { eStepWorkflowId, MAIN_ARM, type Place } from './contract/ids.ts';
import type { Init, Recipe } from './contract/recipe.ts';
import type { CheckpointRef } from './contract/references.ts';
import { eStepLine } from './details.ts';
import { eStep, type EStepResult } from './e-step.ts';
import { Gate } from './gate.ts';
import { Steps } from './park.ts';
import { sampling } from './proxies.ts';
import { trainAndEvaluate } from './train-and-evaluate.ts';
import type { ModelResult } from './warm-start.ts';

export interface IterationInput {
  readonly place: Place;
  readonly recipe: Recipe;
  readonly base: CheckpointRef;
  /** M_0. */
  readonly warmStart: CheckpointRef;
  /** M_{t−1}. */
  readonly previous: CheckpointRef;
}

/** One EM iteration of one arm: E-step on M_{t−1} → training set → M-step (trials) → evaluation ► M_t. */
export async function iteration(input: IterationInput): Promise<ModelResult> {
  const { place, recipe } = input;
  const steps = new Steps(place, recipe);
  const gate = new Gate();

  await steps.enter('e-step');
  const thoughts = await steps.run('e-step', () => sample(steps.recipe, gate, input));

  steps.tell(eStepLine(thoughts.summary));
  const { samples } = recipe.eStep;
  const model = await trainAndEvaluate(steps, gate, {
    place,
    split: recipe.corpus.train,
    source: { kind: 'thoughts', eStep: thoughts.ref.eStep, samples, seed: recipe.seed },
    init: initial(recipe.mStep.init, input),
    trials: recipe.mStep.trials,
    form: 'latent',
    settings: () => Promise.resolve(steps.recipe.mStep),
    eStep: thoughts.summary,
  });
  return { ...model, changed: steps.changed };
}

/** This iteration's thoughts: sampled, or shared with the EM loop where both stand at the same M_0. */
async function sample(recipe: Recipe, gate: Gate, { place, previous }: IterationInput): Promise<EStepResult> {
  if (place.arm !== MAIN_ARM && place.iteration === 1) {
    const shared = await sampling.findEStep({ place: { ...place, arm: MAIN_ARM }, samples: recipe.eStep.samples });
    if (shared) {
      // The candidates are another's: they stay, whatever this arm keeps.
      const settings = { ...recipe.eStep, keep: 'all' as const };
      return { ref: shared, summary: await sampling.finishEStep({ eStep: shared.eStep, settings }) };
    }
  }
  return gate.through(() =>
    startChild(eStep, {
      ...childOptions(eStepWorkflowId(place), place, 'e-step', `K = ${recipe.eStep.samples} on ${previous.key}`),
      args: [{ place, recipe, checkpoint: previous }],
    }),
  );
}

function initial(init: Init, { base, warmStart, previous }: IterationInput): CheckpointRef {
  switch (init) {
    case 'base':
      return base;
    case 'warm-start':
      return warmStart;
    case 'previous':
      return previous;
  }
}
