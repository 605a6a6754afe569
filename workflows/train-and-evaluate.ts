import { CancellationScope, executeChild } from '@temporalio/workflow';
import { causeOf, typeOf } from './cause.ts';
import { childOptions } from './child-options.ts';
import type { TrainingSource } from './contract/activities.ts';
import { trainingWorkflowId, type Place } from './contract/ids.ts';
import type { PromptForm, TrainingSettings } from './contract/recipe.ts';
import type { CheckpointRef, EStepSummary, TrainingResult, TrainingSetRef } from './contract/references.ts';
import { figure, trainingLine } from './details.ts';
import { evaluateCheckpoint } from './evaluation.ts';
import type { Gate } from './gate.ts';
import { madeInRanges, rangeSummary } from './in-ranges.ts';
import { SKIPPED, type Steps } from './park.ts';
import { control, sampling } from './proxies.ts';
import { training } from './training.ts';
import { mapWindow } from './window.ts';

/** A model to be made at one place of the run. */
export interface ModelPlan {
  readonly place: Place;
  /** Corpus split that it is trained on. */
  readonly split: string;
  readonly source: TrainingSource;
  /** Where its weights start. */
  readonly init: CheckpointRef;
  readonly trials: number;
  readonly form: PromptForm;
  /**
   * Settings of its training, asked before each one: a decision may have changed them. They may depend on the set, e.g.
   * where the budget is matched to another training.
   */
  readonly settings: (set: TrainingSetRef) => Promise<TrainingSettings>;
  readonly eStep: EStepSummary | null;
}

/** A model that was made. */
export interface Model {
  readonly checkpoint: CheckpointRef;
  /** What is known of it, in one line, for the Web UI. */
  readonly line: string;
}

/**
 * Training set → trainings (trials) → evaluation → record. Shared by the warm start, the iterations and the arms.
 * While the gate is closed none of these begins.
 * @returns the model of the first trial, from which the rest of the loop goes on.
 */
export async function trainAndEvaluate(steps: Steps, gate: Gate, plan: ModelPlan): Promise<Model> {
  const { place } = plan;
  await gate.pass();
  await steps.enter('training-set', place);
  const trainingSet = await steps.run('training-set', () => build(steps, gate, plan));
  await gate.pass();
  await steps.enter('m-step', place);
  const checkpoints = await trainTrials(steps, gate, plan, trainingSet);
  await gate.pass();
  await steps.enter('evaluation', place);
  const measured: string[] = [];
  for (const [trial, { checkpoint }] of checkpoints.entries()) {
    await gate.pass();
    const texts = await evaluate(steps, plan, trial, checkpoint);
    if (texts.length > 0) steps.tell(`Evaluation, trial ${trial}: ${texts.join(' · ')}`);
    if (trial === 0) measured.push(...texts);
  }
  await steps.run('evaluation', () => control.recordIteration({ place, checkpoints, trainingSet, eStep: plan.eStep }));
  const first = checkpoints[0] as TrainingResult;
  const ess = plan.eStep ? [`ESS ${figure(plan.eStep.essMean)}`] : [];
  return { checkpoint: first.checkpoint, line: [...measured, `loss ${figure(first.loss)}`, ...ess].join(' · ') };
}

function build(steps: Steps, gate: Gate, { place, split, source, init }: ModelPlan): Promise<TrainingSetRef> {
  const { corpus, segmentation } = steps.recipe;
  const cut = { place, corpus: { name: corpus.name, split }, segmentation };
  const set = { ...cut, source, checkpoint: init };
  return madeInRanges(
    gate,
    (inRanges) => sampling.buildTrainingSet({ ...set, inRanges }),
    (open, range) => {
      const options = { summary: rangeSummary(range) };
      return open === 'cutting'
        ? sampling.cutDocuments.executeWithOptions(options, [{ ...cut, range }])
        : sampling.writeTrainingRange.executeWithOptions(options, [{ ...set, range }]);
    },
  );
}

/** Trains all trials at once. One that the operator aborts stops the others: nobody would wait for their jobs. */
async function trainTrials(
  steps: Steps,
  gate: Gate,
  plan: ModelPlan,
  trainingSet: TrainingSetRef,
): Promise<TrainingResult[]> {
  const trials = Array.from({ length: plan.trials }, (_, trial) => trial);
  const scope = new CancellationScope();
  return scope.run(() =>
    mapWindow(trials, trials.length, async (trial) => {
      try {
        let setLost = false;
        const trained = await steps.run('m-step', async (generation) => {
          // A set that was deleted since is the same one when it is written again, or the step parks again.
          if (setLost) await build(steps, gate, plan);
          try {
            return await train(steps, plan, trainingSet, await plan.settings(trainingSet), trial, generation);
          } catch (error) {
            setLost = typeOf(error) === 'TrainingSetInvalid';
            throw error;
          }
        });
        steps.tell(trainingLine(trial, trained));
        return trained;
      } catch (error) {
        scope.cancel();
        throw error;
      }
    }),
  );
}

function train(
  steps: Steps,
  { place, init }: ModelPlan,
  trainingSet: TrainingSetRef,
  settings: TrainingSettings,
  trial: number,
  generation: number,
): Promise<TrainingResult> {
  const { seed, eStep, mStep } = steps.recipe;
  const input = {
    place,
    trial,
    generation,
    cluster: mStep.cluster,
    seed,
    init,
    trainingSet,
    settings,
    prefixChunks: eStep.prefixChunks,
  };
  const options = childOptions(trainingWorkflowId(place, trial), place, 'm-step', `from ${init.key}`);
  return executeChild(training, { ...options, args: [input] });
}

/** An evaluation that fails parks only where the recipe says that the loop needs it; else it is recorded. */
async function evaluate(
  steps: Steps,
  plan: ModelPlan,
  trial: number,
  checkpoint: CheckpointRef,
): Promise<readonly string[]> {
  const work = (): Promise<readonly string[]> =>
    evaluateCheckpoint(plan.place, trial, checkpoint, plan.form, steps.recipe);
  const { run, arm, iteration } = plan.place;
  const where = `${arm}, iteration ${iteration}, trial ${trial}`;
  if (steps.recipe.evaluation.required) {
    const result = await steps.runSkippable('evaluation', work);
    if (result !== SKIPPED) return result;
    await control.recordEvent({ run, kind: 'evaluation-skipped', message: where });
    return [];
  }
  const result = await steps.tolerate('evaluation', work, async (error) => {
    const { type, message } = causeOf(error, plan.place.run);
    await control.recordEvent({ run, kind: 'evaluation-failed', message: `${where}: ${type}: ${message}` });
  });
  return result ?? [];
}
