import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits, or less when `signal` fires.
 * @returns whether the whole time has passed
 */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<boolean> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}
