import { MAIN_ARM, type Place } from './contract/ids.ts';
import type { RunState } from './contract/messages.ts';
import type { Recipe } from './contract/recipe.ts';
import type { Phase } from './contract/search-attributes.ts';

/** What a run does once its first `done` iterations after the warm start are finished. */
export const afterIteration = (recipe: Recipe, done: number): RunState['next'] =>
  done < recipe.iterations ? { kind: 'iteration', iteration: done + 1 } : { kind: 'arm', arm: 0 };

/** What says where a run is: the next thing that it does, or nothing before its first. */
interface At {
  readonly run: string;
  readonly recipe: Recipe;
  readonly state?: Pick<RunState, 'next'>;
}

/** Where a run is. */
export function placeOf({ run, recipe, state }: At): Place {
  if (state === undefined) return { run, arm: MAIN_ARM, iteration: 0 };
  if (state.next.kind === 'iteration') return { run, arm: MAIN_ARM, iteration: state.next.iteration };
  return { run, arm: recipe.arms[state.next.arm]?.name ?? MAIN_ARM, iteration: recipe.iterations };
}

/** The phase with which the next thing begins. */
export function phaseOf(state: At['state']): Phase {
  if (state === undefined) return 'warm-start';
  return state.next.kind === 'iteration' ? 'e-step' : 'arms';
}
