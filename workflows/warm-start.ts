import type { Place } from './contract/ids.ts';
import { MAIN_ARM } from './contract/ids.ts';
import type { Recipe } from './contract/recipe.ts';
import type { CheckpointRef } from './contract/references.ts';
import { Gate } from './gate.ts';
import { Steps } from './park.ts';
import { trainAndEvaluate, type Model } from './train-and-evaluate.ts';

export interface WarmStartInput {
  readonly run: string;
  readonly recipe: Recipe;
  readonly base: CheckpointRef;
}

/** What a workflow that trains a model hands back: the model, and what decisions have changed in the recipe. */
export interface ModelResult extends Model {
  readonly changed: Readonly<Record<string, unknown>>;
}

/** Iteration 0: the base model trained on the teacher's thoughts ► M_0. */
export async function warmStart({ run, recipe, base }: WarmStartInput): Promise<ModelResult> {
  const place: Place = { run, arm: MAIN_ARM, iteration: 0 };
  const steps = new Steps(place, recipe);
  const model = await trainAndEvaluate(steps, new Gate(), {
    place,
    split: recipe.corpus.warmStart,
    source: { kind: 'teacher' },
    init: base,
    trials: 1,
    form: 'latent',
    settings: () => Promise.resolve(steps.recipe.warmStart),
    eStep: null,
  });
  return { ...model, changed: steps.changed };
}
