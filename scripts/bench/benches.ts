import { eStepCost } from './benches/e-step-cost.ts';
import { saturation } from './benches/saturation.ts';
import { throughput } from './benches/throughput.ts';
import type { Bench } from './bench-contract.ts';

/** The benches by name, in the order in which they run. */
export const BENCHES = {
  throughput,
  saturation,
  'e-step': eStepCost,
} as const satisfies Record<string, Bench>;

export type BenchName = keyof typeof BENCHES;
