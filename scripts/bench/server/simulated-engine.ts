/** What a simulated engine can do. */
export interface SimulatedSpeed {
  /** Sequences it decodes at once (`--max-num-seqs`). */
  readonly slots: number;
  /** Sequences its KV cache has room for; with more than these running the last one is preempted and done again. */
  readonly cache: number;
  /** Milliseconds of a token of a sequence. */
  readonly tokenMs: number;
  /** Milliseconds of a scored prompt. */
  readonly scoreMs: number;
}

interface Sequence {
  readonly milliseconds: number;
  readonly done: () => void;
}

/**
 * An engine that is simulated in time: sequences wait, run in slots for as long as their length says, and are preempted
 * when the KV cache is full. Everything it does takes a timer, no processor. Harder than vLLM, which keeps the tokens of a
 * preempted sequence and reads them again, in that the whole work of a preempted one is lost.
 */
export class SimulatedEngine {
  readonly speed: SimulatedSpeed;
  /** Sequence-milliseconds of running sequences that came to their end. */
  useful = 0;
  preemptions = 0;
  readonly #waiting: Sequence[] = [];
  /** What runs, and since when. */
  readonly #running = new Map<NodeJS.Timeout, number>();
  /** The sequence that runs beyond the cache's room. */
  #doomed: NodeJS.Timeout | null = null;

  constructor(speed: SimulatedSpeed) {
    this.speed = speed;
  }

  /** Sequences that can do useful work at once. */
  get capacity(): number {
    return Math.min(this.speed.slots, this.speed.cache);
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Share of the KV cache in use. */
  get kvCache(): number {
    return Math.min(1, this.#running.size / this.speed.cache);
  }

  /** {@link useful}, and what the sequences that run at this moment have had; that is lost when they are. */
  get worked(): number {
    const now = performance.now();
    let worked = this.useful;
    for (const began of this.#running.values()) worked += now - began;
    return worked;
  }

  /** Takes the sequences of a request, of these lengths in milliseconds. @param done called when the last one has ended */
  submit(lengths: readonly number[], done: () => void): void {
    let left = lengths.length;
    const ended = (): void => {
      left -= 1;
      if (left === 0) done();
    };
    for (const milliseconds of lengths) this.#waiting.push({ milliseconds, done: ended });
    this.#admit();
  }

  /** Loses everything that is there. */
  kill(): void {
    for (const end of this.#running.keys()) clearTimeout(end);
    if (this.#doomed !== null) clearTimeout(this.#doomed);
    this.#running.clear();
    this.#doomed = null;
    this.#waiting.length = 0;
  }

  /**
   * Starts what waits while there are slots. When the cache is full the engine runs one more all the same, and throws it
   * out again a little later, its work lost.
   */
  #admit(): void {
    while (this.#running.size + (this.#doomed === null ? 0 : 1) < this.speed.slots) {
      const fits = this.#running.size < this.speed.cache;
      if (!fits && this.#doomed !== null) return;
      const sequence = this.#waiting.shift();
      if (sequence === undefined) return;
      if (fits) this.#run(sequence);
      else this.#preempt(sequence);
    }
  }

  #run(sequence: Sequence): void {
    const end = setTimeout(() => {
      this.#running.delete(end);
      this.useful += sequence.milliseconds;
      sequence.done();
      this.#admit();
    }, sequence.milliseconds);
    this.#running.set(end, performance.now());
  }

  #preempt(sequence: Sequence): void {
    this.#doomed = setTimeout(() => {
      this.#doomed = null;
      this.preemptions += 1;
      this.#waiting.unshift(sequence);
      this.#admit();
    }, sequence.milliseconds / 2);
  }
}

/** Tokens of a thought in time, whatever the answer's: skewed as lengths are, a tenth of them five times the middle. */
export function simulatedLength(seed: number, limit: number): number {
  const draw = ((seed * 2_654_435_761) >>> 0) / 2 ** 32;
  return Math.min(limit, Math.ceil((limit / 10) * (0.5 + draw + (draw > 0.9 ? 4 : 0))));
}

/**
 * Engines that differ fourfold in speed and in slots; the cache of every fourth holds fewer sequences than it has slots.
 * @param tokenMs milliseconds of a token of the slowest
 */
export function unequalSpeeds(count: number, tokenMs: number): SimulatedSpeed[] {
  return Array.from({ length: count }, (_, index) => {
    const slots = [16, 32, 64][index % 3] ?? 16;
    const time = tokenMs / (1 + (3 * index) / Math.max(1, count - 1));
    const cache = index % 4 === 3 ? Math.ceil(slots * 0.75) : slots * 4;
    return { slots, cache, tokenMs: time, scoreMs: time * 2 };
  });
}
