/**
 * Importance weights of the K candidates of one chunk, and the bound they imply (arXiv 2503.18866, E-step; IWAE bound of
 * Burda et al., arXiv 1509.00519). All in nats, all through log-sum-exp: sums of hundreds of log probabilities leave the
 * range of `exp`. A candidate without a weight (log w = −∞) counts as drawn, with weight nought: the mean of w over n
 * draws then stays an unbiased estimate of the probability of X together with a thought that ends within the limit.
 */

/** log Σ exp(values); −∞ for an empty list or when all are −∞. */
export function logSumExp(values: readonly number[]): number {
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (largest === -Infinity) return -Infinity;
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

/** What the weights of one chunk say. */
export interface ChunkWeights {
  /** log w_k = log p(Z_k, X | C) − log q(Z_k | X, C); −∞ where the candidate is not eligible. */
  readonly logWeights: readonly number[];
  /** Self-normalised weights: softmax of the log weights, sums to 1. */
  readonly probabilities: readonly number[];
  /** Effective sample size (Σw)²/Σw², 1 … K. */
  readonly effectiveSampleSize: number;
  /** elbo_n for n = 1 … K: log-mean-exp of the first n log weights; −∞ while none of the first n has a weight. */
  readonly elbo: readonly number[];
}

/** log p and log q of a candidate, or null where it is not eligible. */
export type CandidateScore = { readonly logP: number; readonly logQ: number } | null;

/**
 * Weights of a chunk's candidates in the order they were drawn.
 *
 * @throws RangeError when no candidate has a weight, or a number is not finite: the caller has checked both, so either
 *   is a defect and must not become a choice.
 */
export function weigh(candidates: readonly CandidateScore[]): ChunkWeights {
  const logWeights = candidates.map((candidate, index) => {
    if (candidate === null) return -Infinity;
    const value = candidate.logP - candidate.logQ;
    if (!Number.isFinite(value)) {
      throw new RangeError(
        `Expected finite log p and log q, got ${candidate.logP} and ${candidate.logQ} (candidate ${index})`,
      );
    }
    return value;
  });
  const total = logSumExp(logWeights);
  if (total === -Infinity) {
    throw new RangeError(`Expected at least one eligible candidate, got none of ${candidates.length}`);
  }
  return {
    logWeights,
    probabilities: logWeights.map((value) => Math.exp(value - total)),
    effectiveSampleSize: Math.exp(2 * total - logSumExp(logWeights.map((value) => 2 * value))),
    elbo: logWeights.map((_, index) => logSumExp(logWeights.slice(0, index + 1)) - Math.log(index + 1)),
  };
}
