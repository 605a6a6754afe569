import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/**
 * `count` different numbers of 0 … size − 1 in random order, the same for the same seed: the start of a Fisher–Yates
 * shuffle that holds only the places it moved.
 *
 * @throws RangeError when there are fewer than `count` numbers
 */
export function drawDistinct(count: number, size: number, seed: number): number[] {
  if (count > size) throw new RangeError(`Expected at most ${size} different numbers to be asked for, got ${count}`);
  const random = xoroshiro128plus(seed);
  const moved = new Map<number, number>();
  return Array.from({ length: count }, (_, place) => {
    const other = uniformInt(random, place, size - 1);
    const drawn = moved.get(other) ?? other;
    moved.set(other, moved.get(place) ?? place);
    return drawn;
  });
}
