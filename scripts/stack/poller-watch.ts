import type { QueuePollers } from './task-queue-pollers.ts';

/** A worker without work asks again within a minute: one that has not asked for longer is gone. */
export const GONE_MILLISECONDS = 75_000;

/** Looks over this time tell of every poller whether it is gone, even where the first answer is slow to come. */
export const PATIENCE_MILLISECONDS = GONE_MILLISECONDS + 15_000;

/**
 * Tells which pollers are gone, from one look or several. The wall clocks of this machine and of the server may be hours
 * apart, so the server's time is told by what it says itself: it is at least when any worker last asked, and goes on from
 * there as this process's monotonic clock does. What is thereby gone is so for certain; where nobody asks any more, it
 * takes looks over {@link PATIENCE_MILLISECONDS} to know.
 */
export class PollerWatch {
  readonly #now: () => number;
  /** Server's time less that of the monotonic clock, at least. */
  #ahead = -Infinity;

  /** @param now a monotonic clock, milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes a look that was just had. @returns the pollers of it that are not known to be gone. */
  there(queues: readonly QueuePollers[]): QueuePollers[] {
    const now = this.#now();
    for (const { lastAsked } of queues.flatMap(({ pollers }) => pollers)) {
      this.#ahead = Math.max(this.#ahead, lastAsked - now);
    }
    const oldest = now + this.#ahead - GONE_MILLISECONDS;
    return queues.map(({ queue, pollers }) => ({
      queue,
      pollers: pollers.filter(({ lastAsked }) => lastAsked >= oldest),
    }));
  }
}
