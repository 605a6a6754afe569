import {
  CancellationScope,
  makeContinueAsNewFunc,
  executeChild,
  isCancellation,
  log,
  setCurrentDetails,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { placeAttributes, STATUS_ATTRIBUTE } from './attributes.ts';
import { baseline } from './baseline.ts';
import { typeOf, causeOf } from './cause.ts';
import { childOptions } from './child-options.ts';
import type { Cause } from './contract/activities.ts';
import { armWorkflowId, baseModelWorkflowId, iterationWorkflowId, MAIN_ARM, type Place } from './contract/ids.ts';
import type { RunInput, RunState } from './contract/messages.ts';
import type { CheckpointRef } from './contract/references.ts';
import type { Phase, RunStatus } from './contract/search-attributes.ts';
import { Gate, type Child } from './gate.ts';
import { iteration } from './iteration.ts';
import { withSettings } from './operational.ts';
import { Steps } from './park.ts';
import { control } from './proxies.ts';
import { afterIteration, phaseOf, placeOf } from './run-place.ts';
import { baseModel } from './training.ts';
import { warmStart, type ModelResult } from './warm-start.ts';

/**
 * A run: base model → warm start ► M_0 → T EM iterations ► M_1 … M_T → the arms of comparison.
 *
 * It continues as new after each iteration and arm, when nothing is open, so that no history grows with the run and
 * each iteration is a point to upgrade or reset to. It fails only when the operator aborts it.
 */
export async function run(input: RunInput): Promise<void> {
  const { state } = input;
  const place = placeOf(input);
  const steps = new Steps(place, input.recipe);
  const gate = new Gate((closed) => pause(place, closed, state));
  setCurrentDetails(detailsOf(place, phaseOf(state), 'Running', state));
  try {
    const next = await advance(input, steps, gate);
    if (next) {
      await gate.settled();
      const following = { run: input.run, recipe: steps.recipe, state: next };
      // The next execution is found under its own iteration from its first moment.
      const typedSearchAttributes = placeAttributes(placeOf(following), phaseOf(next), 'Running');
      // Every workflow is pinned to the version of its workers; here, where nothing is open, a run takes the newer one.
      const { targetWorkerDeploymentVersionChanged: newer } = workflowInfo();
      const version = newer ? { initialVersioningBehavior: 'AUTO_UPGRADE' as const } : {};
      await makeContinueAsNewFunc<typeof run>({ typedSearchAttributes, ...version })(following);
    }
    await record(place, 'Completed', 'done', state);
  } catch (error) {
    if (isCancellation(error)) {
      await CancellationScope.nonCancellable(() => record(place, 'Canceled', phaseOf(state), state));
    } else if (typeOf(error) === 'Aborted') {
      await record(place, 'Failed', phaseOf(state), state, causeOf(error, input.run));
    }
    throw error;
  }
}

/** Does the next thing of the run; undefined once there is nothing left. */
async function advance({ run, state }: RunInput, steps: Steps, gate: Gate): Promise<RunState | undefined> {
  const { recipe } = steps;
  if (state === undefined) {
    const base = await makeBase(run, steps);
    const model = await child(steps, gate, 'warm-start', () => {
      const place = { run, arm: MAIN_ARM, iteration: 0 };
      const options = childOptions(
        iterationWorkflowId(place),
        place,
        'warm-start',
        `teacher split ${recipe.corpus.warmStart}`,
      );
      return startChild(warmStart, { ...options, args: [{ run, recipe: steps.recipe, base }] });
    });
    return { next: afterIteration(recipe, 0), base, models: [model.checkpoint], lines: [`**M_0** · ${model.line}`] };
  }
  const [m0] = state.models as readonly [CheckpointRef, ...CheckpointRef[]];
  if (state.next.kind === 'iteration') {
    const t = state.next.iteration;
    const place = { run, arm: MAIN_ARM, iteration: t };
    const previous = state.models.at(-1) ?? m0;
    const model = await child(steps, gate, 'e-step', () => {
      const options = childOptions(
        iterationWorkflowId(place),
        place,
        'e-step',
        `iteration ${t} of ${recipe.iterations}`,
      );
      const input = { place, recipe: steps.recipe, base: state.base, warmStart: m0, previous };
      return startChild(iteration, { ...options, args: [input] });
    });
    const lines = [...(state.lines ?? []), `**M_${t}** · ${model.line}`];
    return { ...state, next: afterIteration(recipe, t), models: [...state.models, model.checkpoint], lines };
  }
  const index = state.next.arm;
  const arm = recipe.arms[index];
  if (arm === undefined) return undefined;
  const place = { run, arm: arm.name, iteration: recipe.iterations };
  const result = await child(steps, gate, 'arms', () => {
    const options = childOptions(armWorkflowId(run, arm.name), place, 'arms', `arm ${arm.name}: ${arm.kind}`);
    return startChild(baseline, {
      ...options,
      args: [{ run, recipe: steps.recipe, arm, base: state.base, warmStart: m0 }],
    });
  });
  const lines = [...(state.lines ?? []), `**${arm.name}** · ${result.line}`];
  return { ...state, next: { kind: 'arm', arm: index + 1 }, lines };
}

async function makeBase(run: string, steps: Steps): Promise<CheckpointRef> {
  const { recipe } = steps;
  await steps.enter('base');
  const place = { run, arm: MAIN_ARM, iteration: 0 };
  const made = await steps.run('base', (generation) =>
    executeChild(baseModel, {
      ...childOptions(baseModelWorkflowId(run), place, 'base', recipe.model.source),
      args: [
        {
          run,
          seed: recipe.seed,
          model: recipe.model,
          corpus: { name: recipe.corpus.name, split: recipe.corpus.warmStart },
          generation,
          cluster: steps.recipe.mStep.cluster,
        },
      ],
    }),
  );
  return made.checkpoint;
}

/**
 * Runs one child of the run behind the pause gate. The child parks its own failures; one that still fails parks here.
 * Operational settings that were changed inside it are kept for what follows.
 */
async function child<Result extends Pick<ModelResult, 'changed'>>(
  steps: Steps,
  gate: Gate,
  phase: Phase,
  start: () => Promise<Child<Result>>,
): Promise<Result> {
  const result = await steps.run(phase, () => gate.through(start));
  steps.recipe = withSettings(steps.recipe, result.changed);
  return result;
}

async function pause(place: Place, paused: boolean, state: RunState | undefined): Promise<void> {
  const status = paused ? 'Paused' : 'Running';
  upsertSearchAttributes([{ key: STATUS_ATTRIBUTE, value: status }]);
  setCurrentDetails(detailsOf(place, phaseOf(state), status, state));
  await control.recordPause({ run: place.run, paused });
}

/** Where the run is, which workflow to look at, and what came of the models so far. */
function detailsOf(place: Place, phase: Phase, status: RunStatus, state: RunState | undefined): string {
  const { run, arm, iteration } = place;
  const below = arm === MAIN_ARM ? iterationWorkflowId(place) : armWorkflowId(run, arm);
  const head = `**${status}** · ${phase} · ${arm}, iteration ${iteration}`;
  return [head, `More in workflow \`${below}\`, and by \`thoughtloop status ${run}\``, ...(state?.lines ?? [])].join(
    '\n\n',
  );
}

async function record(
  place: Place,
  status: RunStatus,
  phase: Phase,
  state: RunState | undefined,
  cause: Cause | null = null,
): Promise<void> {
  upsertSearchAttributes(placeAttributes(place, phase, status));
  setCurrentDetails(detailsOf(place, phase, status, state));
  log.info(status, { phase, arm: place.arm, iteration: place.iteration });
  await control.recordProgress({ ...place, status, phase, cause });
}
