import type { Database } from '../store/pool.ts';
import type { ExpectedModel } from '../vllm/admission.ts';
import type { Inference } from '../vllm/inference.ts';

/** How far an evaluation is: problems or documents. */
export interface EvaluationProgress {
  readonly done: number;
  readonly total: number;
}

/** What an evaluation needs from outside. */
export interface EvaluationPorts {
  readonly database: Database;
  /** Absolute path of the data folder. */
  readonly dataFolder: string;
  /** The checkpoint under measurement. */
  readonly model: ExpectedModel;
  /** Runs `work` with the checkpoint's servers; not called where nothing is left to ask. */
  readonly withInference: (work: (inference: Inference) => Promise<void>) => Promise<void>;
  /** Fires when the evaluation shall stop; its reason is thrown. */
  readonly signal: AbortSignal;
  /** Told after every group of rows that became durable. */
  readonly onProgress: (progress: EvaluationProgress) => void;
}

/** What an evaluation is kept under: a place in a run, or none. */
export interface EvaluationKey {
  /** Key of the evaluation: the workflow's id, or a name of the operator's. */
  readonly evaluation: string;
  /** Null outside a run. */
  readonly run: string | null;
  readonly arm: string;
  readonly iteration: number;
  readonly trial: number;
  /** Digest of the checkpoint. */
  readonly checkpoint: string;
}
