import { logSumExp } from '../e-step/weights.ts';
import type { CandidateLine } from './queries/thoughts.ts';

/** Shares of a chunk's weight that its stored candidates have, summing to 1; null where a candidate was not scored. */
export function candidateWeights(candidates: readonly Pick<CandidateLine, 'logP' | 'logQ'>[]): (number | null)[] {
  const logWeights = candidates.map(({ logP, logQ }) => (logP === null ? null : logP - logQ));
  const total = logSumExp(logWeights.filter((value) => value !== null));
  return logWeights.map((value) => (value === null ? null : Math.exp(value - total)));
}
