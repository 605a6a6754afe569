import type { Database } from './store/pool.ts';
import type { PoolOptions } from './vllm/pool.ts';

/** What activities are made from; a worker builds it once. */
export interface Dependencies {
  readonly database: Database;
  /** Absolute path of the data folder: checkpoints, training sets, job folders. */
  readonly dataFolder: string;
  /** Python interpreter that has vLLM, transformers and the trainer's packages. */
  readonly python: string;
  /** Told of every change of a server's state, for the worker's log. */
  readonly onServerChange?: PoolOptions['onChange'] | undefined;
}
