/** Search attributes by which the Web UI and `temporal workflow list` find workflows: name → Temporal type. */
export const SEARCH_ATTRIBUTES = {
  ThoughtloopRun: 'Keyword',
  ThoughtloopIteration: 'Int',
  ThoughtloopPhase: 'Keyword',
  ThoughtloopStatus: 'Keyword',
} as const;

export type RunStatus = 'Running' | 'Paused' | 'Parked' | 'Completed' | 'Failed' | 'Canceled';

export type Phase =
  'base' | 'warm-start' | 'fleet' | 'e-step' | 'training-set' | 'm-step' | 'evaluation' | 'arms' | 'done';
