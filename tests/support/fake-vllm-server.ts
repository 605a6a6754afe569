/**
 * A fake of vLLM's OpenAI-compatible server: a real HTTP server around a toy language model whose probabilities are
 * known exactly. It answers in the shape of vLLM 0.32 and can be told to fail in every way that servers fail.
 *
 * In a test: `await FakeVllmServer.start({ model, servedName })`. As a process of its own:
 * `node tests/support/fake-vllm-server.ts --model <folder>/model --served-name <name> [--port n] [--latency ms]`, which
 * prints `{"url": …}` once it listens; faults are then set by `POST /fault` with a {@link Fault} as body.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HuggingFaceTokenizer } from '../../activities/vllm/hugging-face-tokenizer.ts';
import { uniforms, type ToyLanguageModel } from './toy-language-model.ts';
import { readToyModel } from './toy-model.ts';

/** What goes wrong with the next requests to `/v1/completions`. */
export interface Fault {
  readonly kind:
    | 'hang'
    | 'slow'
    | 'status'
    | 'reset'
    | 'die'
    | 'cut-body'
    | 'not-json'
    | 'nan'
    | 'null-logprob'
    | 'few-logprobs'
    | 'other-ids'
    | 'other-prompt-ids'
    | 'other-model'
    | 'no-token-ids'
    | 'positive'
    | 'first-not-null'
    | 'fewer-choices'
    | 'other-finish';
  /** For `status`. */
  readonly status?: number;
  /** For `slow`: how much longer an answer takes. */
  readonly milliseconds?: number;
  readonly retryAfterSeconds?: number;
  /** Requests that fail; every one where absent. */
  readonly times?: number;
  /** Which requests: those that sample, or those that score; both where absent. */
  readonly only?: 'sample' | 'score';
  /** Which requests: those with this id in a prompt; all where absent. */
  readonly token?: number;
}

export interface FakeServerOptions {
  /** A toy model's folder, see toy-model.ts. */
  readonly model: string;
  readonly servedName: string;
  readonly port?: number;
  /** Answers to `/v1/completions` take this long, milliseconds. */
  readonly latencyMs?: number;
  /** Sequences at once; more wait. Shows on `/metrics`. */
  readonly maxNumSeqs?: number;
  /**
   * File to which every answered request adds a line: `n` for one that samples n sequences a prompt, `score` for one that
   * scores. It is still there when the server was killed.
   */
  readonly journal?: string;
}

interface Description {
  readonly end: number;
  readonly vocabularySize: number;
  readonly contextLength: number;
}

interface CompletionBody {
  readonly model?: string;
  readonly prompt?: string | number[] | number[][];
  readonly n?: number;
  readonly max_tokens?: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly stop?: string[];
  readonly stop_token_ids?: number[];
  readonly logprobs?: number | null;
  readonly prompt_logprobs?: number | null;
  readonly return_token_ids?: boolean;
  readonly ignore_eos?: boolean;
}

/** A refusal with the body that vLLM sends. */
class Refusal extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

type Json = Record<string, unknown>;

export class FakeVllmServer {
  readonly url: string;
  readonly language: ToyLanguageModel;
  /** Requests to `/v1/completions` that were begun, by what they ask. */
  readonly counts = { sample: 0, score: 0, answered: 0, prompts: 0 };
  /** Bodies of all requests to `/v1/completions`. */
  readonly bodies: Json[] = [];
  /** Most requests under way at once. */
  peak = 0;
  #inFlight = 0;
  #running = 0;
  #tokens = 0;
  #latencyMs: number;
  #fault: { fault: Fault; left: number } | null = null;
  /** Overrides what `/metrics` says. */
  #metrics: { preemptions: number; waiting: number | null; frozen: boolean } = {
    preemptions: 0,
    waiting: null,
    frozen: false,
  };
  readonly #options: FakeServerOptions;
  readonly #description: Description;
  readonly #tokenizer: HuggingFaceTokenizer;
  readonly #server: Server;
  readonly #closing = new AbortController();

  private constructor(
    options: FakeServerOptions,
    language: ToyLanguageModel,
    description: Description,
    tokenizer: HuggingFaceTokenizer,
    server: Server,
  ) {
    this.#options = options;
    this.#latencyMs = options.latencyMs ?? 0;
    this.language = language;
    this.#description = description;
    this.#tokenizer = tokenizer;
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(options: FakeServerOptions): Promise<FakeVllmServer> {
    const read = async (file: string): Promise<object> =>
      JSON.parse(await readFile(join(options.model, file), 'utf8')) as object;
    const language = await readToyModel(options.model);
    const description = (await read('thoughtloop.json')) as Description;
    const tokenizer = new HuggingFaceTokenizer(await read('tokenizer.json'), await read('tokenizer_config.json'));
    const server = createServer({ keepAliveTimeout: 5_000 });
    await new Promise<void>((resolve, reject) => {
      // The backlog of uvicorn: a window's worth of connections is opened at once.
      server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', 2048, resolve);
    });
    const fake = new FakeVllmServer(options, language, description, tokenizer, server);
    server.on('request', (request, response) => void fake.#handle(request, response));
    return fake;
  }

  /** Sets what goes wrong from now on; null = nothing. */
  fail(fault: Fault | null): void {
    this.#fault = fault === null ? null : { fault, left: fault.times ?? Infinity };
  }

  set latencyMs(value: number) {
    this.#latencyMs = value;
  }

  /** What `/metrics` says beside the truth: preemptions, a queue, counters that stand still. */
  set metrics(change: Partial<{ preemptions: number; waiting: number | null; frozen: boolean }>) {
    this.#metrics = { ...this.#metrics, ...change };
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const text = await bodyOf(request);
      const path = request.url ?? '/';
      if (path === '/v1/completions') return await this.#complete(JSON.parse(text) as CompletionBody, response);
      if (path === '/v1/models') return send(response, 200, this.#models());
      if (path === '/tokenize') return send(response, 200, this.#tokenize(JSON.parse(text) as Json));
      if (path === '/metrics') return sendText(response, this.#metricsText());
      if (path === '/health') return sendText(response, '');
      if (path === '/stats') return send(response, 200, { ...this.counts, peak: this.peak });
      if (path === '/fault') {
        this.fail(JSON.parse(text) as Fault | null);
        return send(response, 200, {});
      }
      throw new Refusal(404, 'Not Found', `No such path ${path}`);
    } catch (thrown) {
      const refusal = thrown instanceof Refusal ? thrown : new Refusal(400, 'BadRequestError', String(thrown));
      const { status, type, message } = refusal;
      send(response, status, { error: { message, type, param: null, code: status } });
    }
  }

  #models(): Json {
    const id = this.#options.servedName;
    return {
      object: 'list',
      data: [{ id, object: 'model', root: this.#options.model, max_model_len: this.#description.contextLength }],
    };
  }

  #tokenize(body: Json): Json {
    this.#checkModel(body['model']);
    const tokens = this.#tokenizer.encode(String(body['prompt']), {
      add_special_tokens: body['add_special_tokens'] !== false,
    }).ids;
    return { count: tokens.length, max_model_len: this.#description.contextLength, tokens, token_strs: null };
  }

  #metricsText(): string {
    const labels = `{engine="0",model_name="${this.#options.servedName}"}`;
    const capacity = this.#options.maxNumSeqs ?? Infinity;
    const waiting = this.#metrics.waiting ?? Math.max(0, this.#running - capacity);
    return [
      `vllm:num_requests_running${labels} ${Math.min(this.#running, capacity)}.0`,
      `vllm:num_requests_waiting${labels} ${waiting}.0`,
      `vllm:num_requests_waiting_by_reason${labels.replace('}', ',reason="capacity"}')} ${waiting}.0`,
      `vllm:kv_cache_usage_perc${labels} 0.1`,
      `vllm:num_preemptions_total${labels} ${this.#metrics.preemptions}.0`,
      `vllm:prompt_tokens_total${labels} ${this.#metrics.frozen ? 7 : this.#tokens}.0`,
      `vllm:generation_tokens_total${labels} 0.0`,
      '',
    ].join('\n');
  }

  #checkModel(model: unknown): void {
    if (model === this.#options.servedName) return;
    throw new Refusal(404, 'NotFoundError', `The model \`${String(model)}\` does not exist.`);
  }

  async #complete(body: CompletionBody, response: ServerResponse): Promise<void> {
    const scores = typeof body.prompt_logprobs === 'number';
    const kind = scores ? 'score' : 'sample';
    this.counts[kind] += 1;
    this.bodies.push(body as Json);
    this.#inFlight += 1;
    this.peak = Math.max(this.peak, this.#inFlight);
    const sequences =
      (body.n ?? 1) * (Array.isArray(body.prompt) && Array.isArray(body.prompt[0]) ? body.prompt.length : 1);
    this.#running += sequences;
    try {
      const fault = this.#takeFault(kind, body);
      if (fault?.kind === 'hang') {
        await sleep(2 ** 30, undefined, { signal: this.#closing.signal }).catch(() => undefined);
        return;
      }
      const latency = this.#latencyMs + (fault?.kind === 'slow' ? (fault.milliseconds ?? 0) : 0);
      if (latency > 0) await sleep(latency);
      if (fault?.kind === 'die') {
        this.#server.closeAllConnections();
        return;
      }
      if (fault?.kind === 'reset') {
        response.socket?.destroy();
        return;
      }
      if (fault?.kind === 'status') {
        if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', fault.retryAfterSeconds);
        throw new Refusal(fault.status ?? 500, 'InternalServerError', 'told to fail');
      }
      const answer = this.#answer(body);
      if (fault !== null) distort(answer, fault);
      let text = JSON.stringify(answer);
      if (fault?.kind === 'nan') text = text.replaceAll(/("token_logprobs":\[|"logprob":)-?[\d.e-]+/g, '$1NaN');
      if (fault?.kind === 'not-json') text = text.slice(0, -7);
      if (fault?.kind === 'cut-body') {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
        response.write(text.slice(0, text.length / 2), () => response.socket?.destroy());
        return;
      }
      this.counts.answered += 1;
      if (this.#options.journal !== undefined) {
        appendFileSync(this.#options.journal, `${scores ? 'score' : (body.n ?? 1)}\n`);
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    } finally {
      this.#inFlight -= 1;
      this.#running -= sequences;
    }
  }

  #takeFault(kind: 'sample' | 'score', { prompt }: CompletionBody): Fault | null {
    const set = this.#fault;
    if (set === null || set.left <= 0 || (set.fault.only ?? kind) !== kind) return null;
    const { token } = set.fault;
    if (token !== undefined && !(Array.isArray(prompt) && prompt.flat().includes(token))) return null;
    set.left -= 1;
    return set.fault;
  }

  /** The answer of vLLM 0.32 to a valid request. */
  #answer(body: CompletionBody): Json {
    this.#checkModel(body.model);
    const prompts = this.#prompts(body.prompt);
    const n = body.n ?? 1;
    const choices = prompts.flatMap((prompt, index) => {
      this.counts.prompts += 1;
      this.#checkPrompt(prompt, body.max_tokens ?? 16);
      return Array.from({ length: n }, (_, i) => this.#choice(body, prompt, index * n + i, i));
    });
    const prompt = prompts.reduce((sum, ids) => sum + ids.length, 0);
    const completion = choices.reduce((sum, choice) => sum + choice.generated.length, 0);
    this.#tokens += prompt + completion;
    return {
      id: `cmpl-${this.counts.sample + this.counts.score}`,
      object: 'text_completion',
      created: 1,
      model: this.#options.servedName,
      choices: choices.map(({ generated: _, ...choice }) => choice),
      usage: { prompt_tokens: prompt, total_tokens: prompt + completion, completion_tokens: completion },
    };
  }

  #prompts(prompt: CompletionBody['prompt']): number[][] {
    if (typeof prompt === 'string') return [this.#tokenizer.encode(prompt).ids];
    if (prompt === undefined || prompt.length === 0)
      throw new Refusal(400, 'BadRequestError', 'You must pass at least one prompt');
    return Array.isArray(prompt[0]) ? (prompt as number[][]) : [prompt as number[]];
  }

  #checkPrompt(prompt: readonly number[], maxTokens: number): void {
    const { vocabularySize, contextLength } = this.#description;
    if (maxTokens < 1) throw new Refusal(400, 'BadRequestError', `max_tokens must be at least 1, got ${maxTokens}.`);
    const outside = prompt.find((id) => id < 0 || id >= vocabularySize);
    if (outside !== undefined) throw new Refusal(400, 'BadRequestError', `Token id ${outside} is out of vocabulary`);
    if (prompt.length >= contextLength) {
      throw new Refusal(400, 'BadRequestError', `This model's maximum context length is ${contextLength} tokens.`);
    }
  }

  #choice(
    body: CompletionBody,
    prompt: readonly number[],
    index: number,
    sample: number,
  ): Json & { generated: number[] } {
    const draw = body.seed === undefined || body.seed === null ? Math.random : uniforms(body.seed + sample);
    const greedy = body.temperature === 0;
    const stops = body.stop_token_ids ?? [];
    const ids: number[] = [];
    const logprobs: number[] = [];
    let finish = 'length';
    let stopReason: number | string | null = null;
    const room = this.#description.contextLength - prompt.length;
    // Like vLLM, which shortens the answer in silence.
    const limit = Math.min(body.max_tokens ?? 16, room);
    while (ids.length < limit) {
      const before = [...prompt.slice(-3), ...ids];
      const { id, logprob } = greedy ? this.#best(before) : this.language.draw(before, draw());
      ids.push(id);
      logprobs.push(logprob);
      if (id === this.#description.end && body.ignore_eos !== true) {
        finish = 'stop';
        break;
      }
      if (stops.includes(id)) {
        finish = 'stop';
        stopReason = id;
        break;
      }
      const matched = body.stop?.find((text) => this.#decode(ids).includes(text));
      if (matched !== undefined) {
        finish = 'stop';
        stopReason = matched;
        break;
      }
    }
    const shown = finish === 'stop' && typeof stopReason !== 'string' ? ids.slice(0, -1) : ids;
    let text = this.#decode(shown);
    if (typeof stopReason === 'string') text = text.slice(0, text.indexOf(stopReason));
    return {
      index,
      text,
      logprobs:
        typeof body.logprobs === 'number'
          ? {
              text_offset: ids.map(() => 0),
              token_logprobs: logprobs,
              tokens: ids.map((id) => this.#decode([id])),
              top_logprobs: [],
            }
          : null,
      finish_reason: finish,
      stop_reason: stopReason,
      token_ids: body.return_token_ids === true ? ids : null,
      prompt_logprobs: typeof body.prompt_logprobs === 'number' ? this.#promptLogprobs(prompt) : null,
      prompt_token_ids: body.return_token_ids === true ? prompt : null,
      generated: ids,
    };
  }

  #best(before: readonly number[]): { id: number; logprob: number } {
    const logprobs = this.language.next(before);
    const logprob = logprobs.reduce((a, b) => Math.max(a, b), -Infinity);
    return { id: logprobs.indexOf(logprob), logprob };
  }

  #promptLogprobs(prompt: readonly number[]): (Json | null)[] | null {
    if (prompt.length < 2) return null;
    const scores = this.language.score(prompt, 1);
    return prompt.map((id, position) => {
      if (position === 0) return null;
      return { [id]: { logprob: scores[position - 1], rank: 1, decoded_token: this.#decode([id]) } };
    });
  }

  #decode(ids: readonly number[]): string {
    return ids.length === 0 ? '' : this.#tokenizer.decode([...ids], { skip_special_tokens: false });
  }
}

/** Makes a right answer a wrong one. */
function distort(answer: Json, { kind }: Fault): void {
  const choices = answer['choices'] as Json[];
  const set = (field: string, change: (value: never) => unknown): void => {
    for (const choice of choices) choice[field] = change(choice[field] as never);
  };
  const onLogprobs = (change: (value: number) => number | null): void => {
    set('logprobs', (value: { token_logprobs: number[] } | null) =>
      value === null ? null : { ...value, token_logprobs: value.token_logprobs.map(change) },
    );
    set('prompt_logprobs', (value: (Record<string, { logprob: number }> | null)[] | null) =>
      (value ?? []).map((entry) =>
        entry === null
          ? null
          : Object.fromEntries(Object.entries(entry).map(([id, { logprob }]) => [id, { logprob: change(logprob) }])),
      ),
    );
  };
  switch (kind) {
    case 'null-logprob':
      return onLogprobs(() => null);
    case 'positive':
      return onLogprobs((value) => -value);
    case 'few-logprobs':
      set('logprobs', (value: { token_logprobs: number[] } | null) =>
        value === null ? null : { ...value, token_logprobs: value.token_logprobs.slice(1) },
      );
      return set('prompt_logprobs', (value: unknown[] | null) => value?.slice(0, -1) ?? null);
    case 'other-ids':
      set('token_ids', (ids: number[]) => [4, ...ids]);
      set('logprobs', (value: { token_logprobs: number[] } | null) =>
        value === null ? null : { ...value, token_logprobs: [-1, ...value.token_logprobs] },
      );
      return set('prompt_logprobs', (value: (Json | null)[] | null) =>
        (value ?? []).map((entry) => (entry === null ? null : { 999: { logprob: -1 } })),
      );
    case 'other-prompt-ids':
      return set('prompt_token_ids', (ids: number[]) => ids.toReversed());
    case 'other-model':
      answer['model'] = 'another';
      return;
    case 'no-token-ids':
      set('prompt_token_ids', () => null);
      return set('token_ids', () => null);
    case 'first-not-null':
      return set('prompt_logprobs', (value: (Json | null)[] | null) => [
        { 0: { logprob: -1 } },
        ...(value ?? []).slice(1),
      ]);
    case 'fewer-choices':
      choices.pop();
      return;
    case 'other-finish':
      return set('finish_reason', () => 'abort');
    case 'hang':
    case 'slow':
    case 'status':
    case 'reset':
    case 'die':
    case 'cut-body':
    case 'not-json':
    case 'nan':
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function send(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendText(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/plain' }).end(text);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      'served-name': { type: 'string' },
      port: { type: 'string', default: '0' },
      latency: { type: 'string', default: '0' },
    },
  });
  const fake = await FakeVllmServer.start({
    model: values.model ?? '',
    servedName: values['served-name'] ?? 'toy',
    port: Number(values.port),
    latencyMs: Number(values.latency),
  });
  process.stdout.write(`${JSON.stringify({ url: fake.url })}\n`);
  process.once('SIGTERM', () => void fake.stop());
}
