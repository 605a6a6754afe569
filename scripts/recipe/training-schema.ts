import { z } from 'zod';

const count = z.int().min(1);
const share = z.number().min(0).max(1);

/** What differs between the paper's two trainings (ryoungj/BoLT bin/exp_setups/bootstrap_fixed_data.sh). */
interface PaperTraining {
  readonly tokens: number;
  readonly batch: number;
  readonly checkpointEvery: number;
}

export const PAPER_WARM_START: PaperTraining = { tokens: 800_000_000, batch: 96, checkpointEvery: 1_000 };
export const PAPER_M_STEP: PaperTraining = { tokens: 13_000_000_000, batch: 192, checkpointEvery: 2_500 };

/** Keys of `[warm-start]` and `[m-step]` that say how a training goes; defaults are the paper's. */
const trainingKeys = (paper: PaperTraining) => ({
  steps: count.optional(),
  tokens: count.optional(),
  passes: z.number().positive().optional(),
  batch: count.default(paper.batch),
  sequenceLength: z.int().min(8).default(2048),
  learningRate: z.number().positive().default(1e-4),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.95),
  epsilon: z.number().positive().default(1e-8),
  weightDecay: z.number().min(0).default(0.01),
  clip: z.number().positive().default(1),
  warmupSteps: z.int().min(0).default(1_000),
  finalRatio: share.default(1e-6),
  precision: z.enum(['float32', 'bfloat16']).default('bfloat16'),
  checkpointEvery: count.default(paper.checkpointEvery),
  layout: z.enum(['document', 'chunk']).default('document'),
  packing: z.boolean().default(true),
  form: z.enum(['random', 'prior', 'posterior']).default('random'),
});

export const WARM_START_KEYS = trainingKeys(PAPER_WARM_START);
export const M_STEP_KEYS = trainingKeys(PAPER_M_STEP);
