/**
 * Does `work` for every item, at most `width` at once, starting them in order. The first failure stops the rest: nothing
 * more is started, the signal given to `work` fires, and once all has ended the failure is thrown.
 *
 * @param signal the caller's; when it fires, its reason is thrown
 */
export async function eachAtOnce<Item>(
  items: readonly Item[],
  width: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next < items.length && !either.aborted) {
      const item = items[next] as Item;
      next += 1;
      try {
        await work(item, either);
      } catch (error) {
        if (!failed.signal.aborted) failed.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, loop));
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
}
