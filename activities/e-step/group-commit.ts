/**
 * Pause from the end of one write to the next, milliseconds, while few items have come in and nobody waits for them:
 * a transaction costs as much as some thirty chunks in it.
 */
const WRITE_INTERVAL_MS = 20;

/**
 * Makes a group durable, as a whole or not at all. What has come in since it was called, while a transaction was begun for
 * example, `takeLate` adds to the group: less is lost in a crash.
 */
export type GroupWrite<Item> = (items: readonly Item[], takeLate: () => readonly Item[]) => Promise<void>;

/**
 * Makes items durable in groups: whatever has come in during one write and the pause behind it is the next group. The
 * first item is written at once; under load, one transaction carries many.
 *
 * Whoever adds an item goes on while it is written, as long as no more than `limit` items are not yet durable; then it
 * waits: a slow database slows the callers down, memory stays as it is, and no more than these items and what the callers
 * have in hand is lost in a crash. After a failed write all further items are refused with its error.
 */
export class GroupCommit<Item> {
  readonly #write: GroupWrite<Item>;
  readonly #limit: number;
  #pending: Item[] = [];
  #writing = 0;
  #failed: { readonly error: unknown } | null = null;
  /** Whether writes and pauses alternate at present. */
  #busy = false;
  /** Ends the pause. */
  #hurry: (() => void) | null = null;
  /** Those who wait for all items to be durable. */
  #flushing = 0;
  /** Those who wait for the end of the write under way. */
  #waiting: (() => void)[] = [];

  /**
   * @param limit items that may be added and not yet durable, ≥ 1
   */
  constructor(write: GroupWrite<Item>, limit: number) {
    this.#write = write;
    this.#limit = limit;
  }

  /**
   * Resolves when the item is accepted.
   * @throws the error of an earlier write
   */
  async add(item: Item): Promise<void> {
    while (this.#failed === null && this.#pending.length + this.#writing >= this.#limit) await this.#nextWrite();
    if (this.#failed !== null) throw this.#failed.error;
    this.#pending.push(item);
    if (!this.#busy) void this.#drain();
    else if (this.#isDue()) this.#hurry?.();
  }

  /**
   * Resolves when all items are durable.
   * @throws the error of the write that failed
   */
  async flush(): Promise<void> {
    this.#flushing += 1;
    this.#hurry?.();
    while (this.#failed === null && this.#pending.length + this.#writing > 0) await this.#nextWrite();
    this.#flushing -= 1;
    if (this.#failed !== null) throw this.#failed.error;
  }

  #nextWrite(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether what waits is to be written without a pause. */
  #isDue(): boolean {
    return this.#flushing > 0 || this.#pending.length >= this.#limit / 2;
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    while (this.#pending.length > 0 && this.#failed === null) {
      const group = this.#pending;
      this.#pending = [];
      this.#writing = group.length;
      try {
        await this.#write(group, () => this.#takeLate());
      } catch (error) {
        this.#failed = { error };
      }
      this.#writing = 0;
      const woken = this.#waiting;
      this.#waiting = [];
      for (const wake of woken) wake();
      if (this.#failed === null && !this.#isDue()) await this.#pause();
    }
    this.#busy = false;
  }

  #takeLate(): readonly Item[] {
    const late = this.#pending;
    this.#pending = [];
    this.#writing += late.length;
    return late;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, WRITE_INTERVAL_MS);
      this.#hurry = () => {
        clearTimeout(timer);
        this.#hurry = null;
        resolve();
      };
    });
  }
}
