/**
 * Runs `work` over `items` with at most `width` under way, as `width` concurrent loops over one queue
 * (a `condition()`-gated window replays at half the speed). The first failure in time ends the loops' appetite and is
 * thrown once all that was under way has settled.
 * @returns results in the order of the items.
 */
export async function mapWindow<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  const failures: unknown[] = [];
  const loop = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index] as Item, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(width, items.length)) }, loop));
  if (failures.length > 0) throw failures[0];
  return results;
}

/** A half-open range of whole numbers. */
export interface Range {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** Cuts [0, count) into ranges of `size`; the last may be shorter. */
export function ranges(count: number, size: number): Range[] {
  const result: Range[] = [];
  for (let from = 0; from < count; from += size) result.push({ from, to: Math.min(from + size, count) });
  return result;
}
