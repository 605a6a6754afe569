interface Waiting {
  readonly sequences: number;
  readonly start: () => void;
}

/**
 * Sequences that a server works on at once, as vLLM's `--max-num-seqs`: what comes beyond waits, in the order it came. A
 * request starts when all of its sequences have room; one of more than there are slots starts alone.
 */
export class Slots {
  readonly #size: number;
  readonly #waiting: Waiting[] = [];
  #taken = 0;

  /** @param size sequences; Infinity where nothing ever waits */
  constructor(size: number) {
    this.#size = size;
  }

  /** Calls `start` as soon as there is room, at once where there is. */
  enter(sequences: number, start: () => void): void {
    this.#waiting.push({ sequences, start });
    this.#fill();
  }

  /** Gives back the room of a request that is done. */
  leave(sequences: number): void {
    this.#taken -= sequences;
    this.#fill();
  }

  #fill(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      if (this.#taken > 0 && this.#taken + next.sequences > this.#size) return;
      this.#waiting.shift();
      this.#taken += next.sequences;
      next.start();
    }
  }
}
