import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Answers, CompletionBody } from './answers.ts';
import { serveConnection, type Answer, type WireRequest } from './http-connection.ts';

/** What a simulated server can do. */
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
 * A server that is simulated in time: sequences wait, run in slots for as long as their length says, and are preempted
 * when the KV cache is full. HTTP, answers and `/metrics` are real. Everything it does takes a timer, no processor.
 */
export class SimulatedServer {
  readonly speed: SimulatedSpeed;
  /** Sequence-milliseconds of running sequences that came to their end. */
  useful = 0;
  preemptions = 0;
  /** Requests for several sequences of one prompt: what is neither admission nor scoring. */
  samples = 0;
  readonly #answers: Answers;
  readonly #model: string;
  readonly #contextLength: number;
  readonly #tokenize: (text: string) => readonly number[];
  readonly #waiting: Sequence[] = [];
  /** What runs, and since when. */
  readonly #running = new Map<NodeJS.Timeout, number>();
  /** The sequence that runs beyond the cache's room. */
  #doomed: NodeJS.Timeout | null = null;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #tokens = 0;
  #port = 0;

  constructor(
    speed: SimulatedSpeed,
    settings: { answers: Answers; model: string; contextLength: number; tokenize: (text: string) => readonly number[] },
  ) {
    this.speed = speed;
    this.#answers = settings.answers;
    this.#model = settings.model;
    this.#contextLength = settings.contextLength;
    this.#tokenize = settings.tokenize;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Sequences that can do useful work at once. */
  get capacity(): number {
    return Math.min(this.speed.slots, this.speed.cache);
  }

  /** {@link useful}, and what the sequences that run at this moment have had; that is lost when they are. */
  get worked(): number {
    const now = performance.now();
    let worked = this.useful;
    for (const began of this.#running.values()) worked += now - began;
    return worked;
  }

  get up(): boolean {
    return this.#server !== null;
  }

  async start(): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      serveConnection(socket, (request, answer) => this.#handle(request, answer));
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', 2_048, resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** As when its machine is taken away: everything that was there is lost. */
  kill(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server?.close();
    this.#server = null;
    for (const end of this.#running.keys()) clearTimeout(end);
    if (this.#doomed !== null) clearTimeout(this.#doomed);
    this.#running.clear();
    this.#doomed = null;
    this.#waiting.length = 0;
  }

  #handle(request: WireRequest, answer: Answer): void {
    const json = (value: unknown): void => void answer(200, 'application/json', JSON.stringify(value));
    switch (request.path) {
      case '/v1/completions':
        return this.#complete(JSON.parse(request.body) as CompletionBody, answer);
      case '/v1/models':
        return json({ object: 'list', data: [{ id: this.#model, max_model_len: this.#contextLength }] });
      case '/tokenize':
        return json({ tokens: this.#tokenize((JSON.parse(request.body) as { prompt: string }).prompt) });
      case '/metrics':
        return void answer(200, 'text/plain', this.#metrics());
      default:
        return void answer(request.path === '/health' ? 200 : 404, 'text/plain', '');
    }
  }

  #complete(body: CompletionBody, answer: Answer): void {
    const { text, tokens } = this.#answers.complete(body);
    const scores = typeof body.prompt_logprobs === 'number';
    const count = scores && Array.isArray(body.prompt[0]) ? body.prompt.length : (body.n ?? 1);
    if (!scores && count > 1) this.samples += 1;
    let left = count;
    const done = (): void => {
      left -= 1;
      if (left > 0) return;
      this.#tokens += tokens;
      answer(200, 'application/json', text);
    };
    for (let index = 0; index < count; index += 1) {
      const { scoreMs, tokenMs } = this.speed;
      const length = lengthOf((body.seed ?? 0) + index, body.max_tokens ?? 16);
      this.#waiting.push({ milliseconds: scores ? scoreMs : tokenMs * length, done });
    }
    this.#admit();
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

  #metrics(): string {
    const labels = `{engine="0",model_name="${this.#model}"}`;
    return [
      `vllm:num_requests_running${labels} ${this.#running.size}.0`,
      `vllm:num_requests_waiting${labels} ${this.#waiting.length}.0`,
      `vllm:kv_cache_usage_perc${labels} ${Math.min(1, this.#running.size / this.speed.cache).toFixed(3)}`,
      `vllm:num_preemptions_total${labels} ${this.preemptions}.0`,
      `vllm:prompt_tokens_total${labels} ${this.#tokens}.0`,
      `vllm:generation_tokens_total${labels} 0.0`,
      '',
    ].join('\n');
  }
}

/** Tokens of a thought in time, whatever the answer's: skewed as lengths are, a tenth of them five times the middle. */
function lengthOf(seed: number, limit: number): number {
  const draw = ((seed * 2_654_435_761) >>> 0) / 2 ** 32;
  return Math.min(limit, Math.ceil((limit / 10) * (0.5 + draw + (draw > 0.9 ? 4 : 0))));
}
