import { eStepCost } from './benches/e-step-cost.ts';
import { orchestration } from './benches/orchestration.ts';
import { realVllm } from './benches/real-vllm.ts';
import { saturation } from './benches/saturation.ts';
import { scale } from './benches/scale.ts';
import { statements } from './benches/statements.ts';
import { throughput } from './benches/throughput.ts';
import { unequalServers } from './benches/unequal-servers.ts';
import { waste } from './benches/waste.ts';
import type { Bench } from './bench-contract.ts';

/** The benches by name, in the order in which they run. */
export const BENCHES = {
  throughput,
  saturation,
  'e-step': eStepCost,
  orchestration,
  scale,
  statements,
  waste,
  servers: unequalServers,
  vllm: realVllm,
} as const satisfies Record<string, Bench>;

export type BenchName = keyof typeof BENCHES;
