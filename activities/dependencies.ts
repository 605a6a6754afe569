import type { Database } from './store/pool.ts';

/** What activities are made from; a worker builds it once. */
export interface Dependencies {
  readonly database: Database;
  /** Absolute path of the data folder: checkpoints, training sets, job folders. */
  readonly dataFolder: string;
  /** Python interpreter that has vLLM, transformers and the trainer's packages. */
  readonly python: string;
}
