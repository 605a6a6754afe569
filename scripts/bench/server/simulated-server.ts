import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Answers, CompletionBody } from './answers.ts';
import { serveConnection, type Answer, type WireRequest } from './http-connection.ts';
import { SimulatedEngine, simulatedLength, type SimulatedSpeed } from './simulated-engine.ts';

/** A {@link SimulatedEngine} behind HTTP: requests, answers and `/metrics` are real. */
export class SimulatedServer {
  readonly engine: SimulatedEngine;
  /** Requests for several sequences of one prompt: what is neither admission nor scoring. */
  samples = 0;
  readonly #answers: Answers;
  readonly #model: string;
  readonly #contextLength: number;
  readonly #tokenize: (text: string) => readonly number[];
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #tokens = 0;
  #port = 0;

  constructor(
    speed: SimulatedSpeed,
    settings: { answers: Answers; model: string; contextLength: number; tokenize: (text: string) => readonly number[] },
  ) {
    this.engine = new SimulatedEngine(speed);
    this.#answers = settings.answers;
    this.#model = settings.model;
    this.#contextLength = settings.contextLength;
    this.#tokenize = settings.tokenize;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
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
    this.engine.kill();
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
    const { scoreMs, tokenMs } = this.engine.speed;
    const limit = body.max_tokens ?? 16;
    const lengths = Array.from({ length: count }, (_, index) =>
      scores ? scoreMs : tokenMs * simulatedLength((body.seed ?? 0) + index, limit),
    );
    this.engine.submit(lengths, () => {
      this.#tokens += tokens;
      answer(200, 'application/json', text);
    });
  }

  #metrics(): string {
    const { running, waiting, kvCache, preemptions } = this.engine;
    const labels = `{engine="0",model_name="${this.#model}"}`;
    return [
      `vllm:num_requests_running${labels} ${running}.0`,
      `vllm:num_requests_waiting${labels} ${waiting}.0`,
      `vllm:kv_cache_usage_perc${labels} ${kvCache.toFixed(3)}`,
      `vllm:num_preemptions_total${labels} ${preemptions}.0`,
      `vllm:prompt_tokens_total${labels} ${this.#tokens}.0`,
      `vllm:generation_tokens_total${labels} 0.0`,
      '',
    ].join('\n');
  }
}
