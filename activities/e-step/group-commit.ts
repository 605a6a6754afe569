/**
 * Makes items durable in groups: whatever has come in while one group was being written is the next group. Alone, an item
 * is written at once; under load, one transaction carries many.
 *
 * Whoever adds an item waits until it is durable, so that no more is lost in a crash than what the callers have in
 * hand, and a slow database slows them down. After a failed write all further items are refused with its error.
 */
export class GroupCommit<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  #pending: { readonly item: Item; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  #writing = false;
  #failed: { readonly error: unknown } | null = null;

  /** @param write makes a group durable, as a whole or not at all */
  constructor(write: (items: readonly Item[]) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when the item is durable. */
  add(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ item, resolve, reject });
      if (!this.#writing) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    while (this.#pending.length > 0) {
      const group = this.#pending;
      this.#pending = [];
      try {
        if (this.#failed !== null) throw this.#failed.error;
        await this.#write(group.map(({ item }) => item));
        for (const { resolve } of group) resolve();
      } catch (error) {
        this.#failed = { error };
        for (const { reject } of group) reject(error);
      }
    }
    this.#writing = false;
  }
}
