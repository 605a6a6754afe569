/** Whether an E-step can still end with few enough rejected chunks; pure, shared by the workflows and the sampler. */

/** What of sampling counts. */
export interface Rejections {
  readonly chunks: number;
  readonly rejected: number;
}

/**
 * Chunks that are judged by at least. A fiftieth of all, since a corpus is seldom in random order and a stretch of odd
 * documents says little of the rest; and some hundred, below which the bound decides nothing for the usual limits.
 */
const LEAST_SHARE = 0.02;
const LEAST_CHUNKS = 500;

/** Chunks of one document have their fate in common: about so many count as one that is independent (paper: 8 a document). */
const CHUNKS_ALIKE = 8;

/** Quantile of the standard normal distribution at 1 − 1e-6: it is asked thousands of times a run, and must not err once in a hundred. */
const Z = 4.7534;

/**
 * Whether sampling on is in vain: so many are rejected that the limit cannot be met any more, whatever comes, or the share
 * that is rejected lies above the limit for certain (Wilson's lower bound, one-sided, at 1e-6).
 *
 * @param planned chunks of the whole E-step, of which `counts` may be any part
 * @param maxRejected share of chunks that may be rejected, 0…1
 */
export function hopeless({ chunks, rejected }: Rejections, planned: number, maxRejected: number): boolean {
  if (rejected > maxRejected * planned) return true;
  if (chunks < Math.max(LEAST_CHUNKS, LEAST_SHARE * planned)) return false;
  return wilsonLowerBound(rejected / chunks, chunks / CHUNKS_ALIKE) > maxRejected;
}

/** Least share of a population that explains a share found in `n` independent draws (Wilson 1927). */
function wilsonLowerBound(share: number, n: number): number {
  const spread = Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2));
  return (share + Z ** 2 / (2 * n) - spread) / (1 + Z ** 2 / n);
}

/** What the operator is told. */
export function hopelessMessage({ chunks, rejected }: Rejections, planned: number, maxRejected: number): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return (
    `Expected at most ${percent(maxRejected)} of ${planned} chunks to be rejected, found ${rejected} of the first ` +
    `${chunks} (${percent(rejected / chunks)}): sampling on would be in vain`
  );
}
