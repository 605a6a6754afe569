import type { Recipe } from '../../workflows/contract/recipe.ts';

/** Size of the workflow histories that a run leaves. */
export interface HistoryEstimate {
  /** Least and most events of the largest workflow. */
  readonly largest: readonly [number, number];
  readonly total: readonly [number, number];
  readonly workflows: number;
}

/** What of an E-step makes events. */
interface Extent {
  readonly shards: number;
  readonly batches: number;
}

/** Events of an activity or a child workflow, least (nothing fails) and most (each waits for a worker once). */
const EVENTS_EACH = [3, 6] as const;
/** Events of a workflow besides its activities and children. */
const EVENTS_AROUND = 20;

/**
 * The histories of a run's workflows.
 * @param steps every E-step of the run
 * @param trainings trainings of the run
 */
export function estimateHistory(
  steps: readonly Extent[],
  trainings: number,
  { eStep, evaluation }: Recipe,
): HistoryEstimate {
  const evaluations = evaluation.benchmarks.length + (evaluation.heldOut === null ? 0 : 1);
  const perModel = 2 + evaluations;
  const workflows = 1 + steps.reduce((sum, { batches }) => sum + 2 + batches, 0) + trainings * (1 + perModel);
  const bounds = (of: (events: number) => number): readonly [number, number] => [
    of(EVENTS_EACH[0]),
    of(EVENTS_EACH[1]),
  ];
  const [firstStep] = steps;
  const batchShards = firstStep === undefined ? 0 : Math.min(firstStep.shards, eStep.shardsPerBatch);
  const parts = steps.reduce((sum, { shards, batches }) => sum + shards + batches, 0) + trainings * 2 * perModel;
  return {
    largest: bounds((events) => EVENTS_AROUND + events * Math.max(batchShards, firstStep?.batches ?? 0, 2 * perModel)),
    total: bounds((events) => workflows * EVENTS_AROUND + events * parts),
    workflows,
  };
}
