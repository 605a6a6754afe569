/** How long a running job may say nothing before it counts as hung, and when it is started again; seconds. */
export interface Patience {
  /** From its start to the first line of progress: imports, the training set's digests and index, the model. */
  readonly first: number;
  /** Between two lines, at least; a checkpoint of a large model to slow storage takes minutes. */
  readonly least: number;
  /** Between two lines, in median times between the training's own lines. */
  readonly paces: number;
  /** For the whole of a base model's making, which writes no progress. */
  readonly base: number;
  /** Pause before another start, times two for each start in a row without a step: what killed it may still be there. */
  readonly restart: number;
}

export const PATIENCE: Patience = { first: 1800, least: 600, paces: 20, base: 7200, restart: 1 };

/** Silence after which a training counts as hung, seconds. @param paceSeconds Null before there is one. */
export const silenceLimit = (patience: Patience, started: boolean, paceSeconds: number | null): number =>
  started ? Math.max(patience.least, patience.paces * (paceSeconds ?? 0)) : patience.first;
