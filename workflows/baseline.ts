import { startChild } from '@temporalio/workflow';
import { childOptions } from './child-options.ts';
import { iterationWorkflowId, MAIN_ARM, type Place } from './contract/ids.ts';
import type { Arm, Recipe } from './contract/recipe.ts';
import type { CheckpointRef } from './contract/references.ts';
import { Gate } from './gate.ts';
import { iteration } from './iteration.ts';
import { withSettings } from './operational.ts';
import { Steps } from './park.ts';
import { control } from './proxies.ts';
import { trainAndEvaluate } from './train-and-evaluate.ts';
import type { ModelResult } from './warm-start.ts';

export interface BaselineInput {
  readonly run: string;
  readonly recipe: Recipe;
  readonly arm: Arm;
  readonly base: CheckpointRef;
  readonly warmStart: CheckpointRef;
}

/** What an arm hands back: what is known of its last model, and what decisions have changed. */
export type ArmResult = Pick<ModelResult, 'line' | 'changed'>;

/** One arm of comparison: the EM loop with another K, raw text in a matched budget, or the control. */
export async function baseline(input: BaselineInput): Promise<ArmResult> {
  const { arm } = input;
  switch (arm.kind) {
    case 'latent':
      return latent(input, arm.samples);
    case 'raw':
      return raw(input, arm.match);
    case 'control':
      return continued(input);
  }
}

/** M_1 … M_T of the EM loop with K = `samples`, each child one iteration. */
async function latent(input: BaselineInput, samples: number): Promise<ArmResult> {
  const gate = new Gate();
  const { run, arm, base, warmStart } = input;
  let recipe: Recipe = { ...input.recipe, eStep: { ...input.recipe.eStep, samples } };
  let previous = warmStart;
  let line = '';
  let changed: Readonly<Record<string, unknown>> = {};
  for (let t = 1; t <= recipe.iterations; t++) {
    const place: Place = { run, arm: arm.name, iteration: t };
    const options = childOptions(iterationWorkflowId(place), place, 'arms', `${arm.name}, iteration ${t}`);
    const child = { place, recipe, base, warmStart, previous };
    const model = await gate.through(() => startChild(iteration, { ...options, args: [child] }));
    previous = model.checkpoint;
    line = model.line;
    changed = { ...changed, ...model.changed };
    recipe = withSettings(recipe, model.changed);
  }
  return { line, changed };
}

/** Raw text of the EM split from the base model: as many passes, or as many tokens, as the last M-step. */
async function raw({ run, recipe, arm, base }: BaselineInput, match: 'tokens' | 'flops'): Promise<ArmResult> {
  const place: Place = { run, arm: arm.name, iteration: recipe.iterations };
  const steps = new Steps(place, recipe);
  const { init } = recipe.mStep;
  const against = { run, arm: MAIN_ARM, iteration: recipe.iterations };
  const { line } = await trainAndEvaluate(steps, new Gate(), {
    place,
    split: recipe.corpus.train,
    source: { kind: 'raw' },
    init: base,
    trials: recipe.mStep.trials,
    form: 'raw',
    // Like what it is compared with, its training starts at the base: with that training's own optimizer settings.
    settings: async (rawSet) => ({
      ...(init === 'base' ? steps.recipe.mStep : steps.recipe.warmStart),
      budget: await control.planRawBudget({ match, against, rawSet }),
    }),
    eStep: null,
  });
  return { line, changed: steps.changed };
}

/** M_0 trained on with the teacher's documents for one M-step's budget: what more training alone would give. */
async function continued({ run, recipe, arm, warmStart }: BaselineInput): Promise<ArmResult> {
  const place: Place = { run, arm: arm.name, iteration: 1 };
  const steps = new Steps(place, recipe);
  const { line } = await trainAndEvaluate(steps, new Gate(), {
    place,
    split: recipe.corpus.warmStart,
    source: { kind: 'teacher' },
    init: warmStart,
    trials: recipe.mStep.trials,
    form: 'latent',
    settings: () => Promise.resolve(steps.recipe.mStep),
    eStep: null,
  });
  return { line, changed: steps.changed };
}
