import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until the answer is not undefined.
 * @param attempt one try; what it throws is remembered as the reason why it is not yet so.
 * @param limit milliseconds until giving up.
 * @param pause milliseconds between tries.
 * @returns the first answer; or, when the time is over, the last error in `gaveUp` (undefined when none was thrown).
 */
export async function poll<Answer>(
  attempt: () => Answer | undefined | Promise<Answer | undefined>,
  limit: number,
  pause: number,
): Promise<{ readonly answer: Answer } | { readonly gaveUp: unknown }> {
  const end = performance.now() + limit;
  let reason: unknown;
  for (;;) {
    try {
      const answer = await attempt();
      if (answer !== undefined) return { answer };
    } catch (error) {
      reason = error;
    }
    if (performance.now() >= end) return { gaveUp: reason };
    await sleep(pause);
  }
}
