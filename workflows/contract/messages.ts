import type { Cause } from './activities.ts';
import type { Recipe } from './recipe.ts';
import type { CheckpointRef } from './references.ts';

/** Input of the `run` workflow; `state` is carried from one iteration's execution to the next. */
export interface RunInput {
  readonly run: string;
  readonly recipe: Recipe;
  readonly state?: RunState;
}

/** What a run knows between iterations. */
export interface RunState {
  /** Next thing to do: an iteration of the EM loop, then the arms. */
  readonly next:
    { readonly kind: 'iteration'; readonly iteration: number } | { readonly kind: 'arm'; readonly arm: number };
  readonly base: CheckpointRef;
  /** M_0 … M_{t−1}: the trial that the recipe names. */
  readonly models: readonly CheckpointRef[];
  /** What is known of each model so far, a line each, for the Web UI. */
  readonly lines?: readonly string[];
}

/** The operator's word on a parked step. `set` changes operational settings only: recipe path → value. */
export interface Decision {
  readonly action: 'retry' | 'skip' | 'abort';
  /** The question that the operator saw (`Cause.question`); one asked since is not answered. Absent: whichever is open. */
  readonly question?: string;
  readonly set?: Readonly<Record<string, unknown>>;
}

/** What a parked workflow answers to a decision. */
export interface DecisionAnswer {
  readonly workflow: string;
  readonly action: Decision['action'];
}

/** Names of updates, signals and queries. */
export const MESSAGES = {
  decide: 'decide',
  pause: 'pause',
  resume: 'resume',
  parked: 'parked',
} as const;

/** Answer of the `parked` query: what a step waits for, or null. */
export interface ParkedStep {
  readonly workflow: string;
  readonly step: string;
  readonly cause: Cause;
  /** Whether `skip` is possible here. */
  readonly skippable: boolean;
}
