/**
 * Index chosen by inverting the cumulative distribution: the least k with p_0 + … + p_k > draw. Candidates of
 * probability nought are never chosen, also when rounding leaves the sum of the probabilities a little under the draw.
 *
 * @param probabilities self-normalised weights of the K candidates, in the order they were drawn
 * @param draw uniform in [0, 1), see {@link file://./seeds.ts}
 * @throws RangeError when no candidate has a positive probability
 */
export function select(probabilities: readonly number[], draw: number): number {
  let cumulative = 0;
  let last = -1;
  for (const [index, probability] of probabilities.entries()) {
    if (!(probability > 0)) continue;
    cumulative += probability;
    last = index;
    if (cumulative > draw) return index;
  }
  if (last < 0) throw new RangeError(`Expected a positive probability among ${probabilities.length}, got none`);
  return last;
}
