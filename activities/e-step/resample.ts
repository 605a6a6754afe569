import { selectionDraw, type DrawPlace } from './seeds.ts';
import { select } from './selection.ts';
import { weigh, type CandidateScore } from './weights.ts';

/**
 * Chooses among a chunk's first candidates as the E-step would have with so few of them: the same weights, and the same
 * draw of the same place.
 *
 * @param candidates the chunk's candidates in the order they were drawn, as many as take part; null where one is not
 *   eligible
 * @returns index of the chosen one, or null when none is eligible
 */
export function resample(candidates: readonly CandidateScore[], place: DrawPlace): number | null {
  if (candidates.every((candidate) => candidate === null)) return null;
  return select(weigh(candidates).probabilities, selectionDraw(place));
}
