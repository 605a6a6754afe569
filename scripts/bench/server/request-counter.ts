/** What a server of the benches was asked since its start or the last reset. Times in seconds of its own clock. */
export interface ServerStats {
  readonly now: number;
  /** Requests begun, by what they ask: thoughts of a chunk (n > 1), scores, or single tokens of no account. */
  readonly sample: number;
  readonly score: number;
  readonly probe: number;
  readonly answered: number;
  /** Requests whose client was gone before the answer. */
  readonly lost: number;
  /** Answers that were sent and whose client was gone before it read them. */
  readonly unread: number;
  readonly inFlight: number;
  /** Most requests in flight at once. */
  readonly peak: number;
  /** Requests in flight, added up over time since the first that samples: request-seconds. */
  readonly area: number;
  /** Sequences that were worked on, added up over time likewise: sequence-seconds. */
  readonly worked: number;
  /** When the first request that samples began: what came before it is admission. */
  readonly first: number | null;
  /** When the last sampling request began, and `area` and `worked` at that moment. */
  readonly lastSample: { readonly at: number; readonly area: number; readonly worked: number } | null;
  /** Prompt and generated tokens. */
  readonly tokens: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Processor time of the server's process. */
  readonly cpu: number;
}

const seconds = (): number => performance.now() / 1_000;

/** Counts the requests of a server. */
export class RequestCounter {
  #counts = {
    sample: 0,
    score: 0,
    probe: 0,
    answered: 0,
    lost: 0,
    unread: 0,
    inFlight: 0,
    peak: 0,
    tokens: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
  #area = { at: seconds(), value: 0, worked: 0 };
  #first: number | null = null;
  #lastSample: { at: number; area: number; worked: number } | null = null;
  #cpu = process.cpuUsage();
  /** Sequences that are there, and those of them that are worked on. */
  #sequences = 0;
  #running = 0;

  reset(): void {
    this.#counts = {
      ...this.#counts,
      sample: 0,
      score: 0,
      probe: 0,
      answered: 0,
      peak: 0,
      tokens: 0,
      bytesIn: 0,
      bytesOut: 0,
    };
    this.#area = { at: seconds(), value: 0, worked: 0 };
    this.#first = null;
    this.#lastSample = null;
    this.#cpu = process.cpuUsage();
  }

  /** @returns to be called with the bytes of the answer when it was sent, 0 when it could not be */
  begin(
    purpose: 'sample' | 'score' | 'probe',
    sequences: number,
    tokens: number,
    bytes: number,
  ): (bytes: number) => void {
    const at = this.#move(1);
    this.#counts[purpose] += 1;
    this.#counts.bytesIn += bytes;
    this.#counts.tokens += tokens;
    this.#sequences += sequences;
    if (purpose === 'sample') {
      if (this.#first === null) this.#area = { at, value: 0, worked: 0 };
      this.#first ??= at;
      this.#lastSample = { at, area: this.#area.value, worked: this.#area.worked };
    }
    return (sent) => {
      this.#move(-1);
      this.#sequences -= sequences;
      if (sent === 0) this.#counts.lost += 1;
      else this.#counts.answered += 1;
      this.#counts.bytesOut += sent;
    };
  }

  /** Sequences of a request are begun. */
  runs(sequences: number): void {
    this.#move(0);
    this.#running += sequences;
  }

  /** Sequences of a request are done. */
  ran(sequences: number): void {
    this.#move(0);
    this.#running -= sequences;
  }

  /** An answer turned out not to have been read. */
  unread(): void {
    this.#counts.unread += 1;
  }

  stats(): ServerStats {
    const now = this.#move(0);
    const { user, system } = process.cpuUsage(this.#cpu);
    const cpu = (user + system) / 1e6;
    const { value: area, worked } = this.#area;
    return { now, ...this.#counts, area, worked, first: this.#first, lastSample: this.#lastSample, cpu };
  }

  /** Prometheus text as of vLLM 0.32, of a server whose cache has room for all. */
  metrics(model: string): string {
    const labels = `{engine="0",model_name="${model}"}`;
    return [
      `vllm:num_requests_running${labels} ${this.#running}.0`,
      `vllm:num_requests_waiting${labels} ${this.#sequences - this.#running}.0`,
      `vllm:kv_cache_usage_perc${labels} 0.1`,
      `vllm:num_preemptions_total${labels} 0.0`,
      `vllm:prompt_tokens_total${labels} ${this.#counts.tokens}.0`,
      `vllm:generation_tokens_total${labels} 0.0`,
      '',
    ].join('\n');
  }

  #move(change: number): number {
    const now = seconds();
    const passed = now - this.#area.at;
    const value = this.#area.value + this.#counts.inFlight * passed;
    this.#area = { at: now, value, worked: this.#area.worked + this.#running * passed };
    this.#counts.inFlight += change;
    this.#counts.peak = Math.max(this.#counts.peak, this.#counts.inFlight);
    return now;
  }
}
