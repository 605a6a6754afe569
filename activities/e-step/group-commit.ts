/**
 * Makes items durable in groups: whatever has come in while one group was being written is the next group. Alone, an item
 * is written at once; under load, one transaction carries many.
 *
 * Whoever adds an item goes on while it is written, as long as no more than `limit` items are not yet durable; then it
 * waits: a slow database slows the callers down, memory stays as it is, and no more than these items and what the callers
 * have in hand is lost in a crash. After a failed write all further items are refused with its error.
 */
export class GroupCommit<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  readonly #limit: number;
  #pending: Item[] = [];
  #writing = 0;
  #failed: { readonly error: unknown } | null = null;
  /** Those who wait for the end of the write under way. */
  #waiting: (() => void)[] = [];

  /**
   * @param write makes a group durable, as a whole or not at all
   * @param limit items that may be added and not yet durable, ≥ 1
   */
  constructor(write: (items: readonly Item[]) => Promise<void>, limit: number) {
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
    if (this.#writing === 0) void this.#drain();
  }

  /**
   * Resolves when all items are durable.
   * @throws the error of the write that failed
   */
  async flush(): Promise<void> {
    while (this.#failed === null && this.#pending.length + this.#writing > 0) await this.#nextWrite();
    if (this.#failed !== null) throw this.#failed.error;
  }

  #nextWrite(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0 && this.#failed === null) {
      const group = this.#pending;
      this.#pending = [];
      this.#writing = group.length;
      try {
        await this.#write(group);
      } catch (error) {
        this.#failed = { error };
      }
      this.#writing = 0;
      const woken = this.#waiting;
      this.#waiting = [];
      for (const wake of woken) wake();
    }
  }
}
