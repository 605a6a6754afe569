import { readSampled, readScores, type Sampled } from './answer.ts';
import { withDeadline } from './deadline.ts';
import { completionBody, NEUTRAL_SAMPLING, sampleBody, scoreBody, type SampleRequest } from './request-bodies.ts';
import { readServerLoad, type ServerLoad } from './server-load.ts';
import { Transport } from './transport.ts';
import { failureOfStatus, lostError, VllmError } from './vllm-error.ts';

/** Where a server is and the name its model goes by. */
export interface ServerEndpoint {
  /** `http://host:port`, with or without `/v1`. */
  readonly url: string;
  /** Name of the model as served; requests for another name must fail. */
  readonly servedName: string;
  /** Key the server was started with, if any. */
  readonly apiKey?: string;
}

/** Signal of the caller and our own deadline, in milliseconds. */
export interface RequestLimits {
  readonly signal?: AbortSignal;
  readonly deadlineMs: number;
}

export interface ScoreRequest {
  readonly ids: readonly number[];
  /** First position whose log probability is wanted, ≥ 1. */
  readonly from: number;
}

/** A completion for evaluation; unlike a sample its settings may be anything. */
export interface CompletionRequest {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  /** 0 = greedy. */
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly seed?: number;
  /** Texts that end the completion; they are cut off. */
  readonly stopTexts?: readonly string[];
  /** Token ids that end the completion. */
  readonly stopIds?: readonly number[];
}

export interface Completion {
  readonly tokenIds: readonly number[];
  readonly text: string;
  /** `stop` by a stop text, stop id or end of document; `length` at the limit. */
  readonly finish: 'stop' | 'length';
}

/** What a server says of its models. */
export interface ServedModel {
  readonly id: string;
  readonly maxModelLen: number | null;
}

/**
 * One vLLM server: sampling with log q, scoring with log p, probing. Thin: no retries and no choice of server, which are
 * the pool's. Every answer is checked against what was asked before it is returned.
 *
 * Each method rejects with {@link VllmError}, whose `failure` says what to do.
 */
export class VllmClient {
  readonly endpoint: ServerEndpoint;
  /** Base URL without `/v1`. */
  readonly root: string;
  readonly #transport: Transport;
  /** Tokens of prompt and answer that the server holds; null before it has named its models. */
  #maxModelLen: number | null = null;

  constructor(endpoint: ServerEndpoint) {
    this.endpoint = endpoint;
    this.root = endpoint.url.replace(/\/+$/, '').replace(/\/v1$/, '');
    this.#transport = new Transport(this.root, endpoint.apiKey);
  }

  /** Draws n sequences at temperature 1, with the log probability of every sampled id. */
  async sample(request: SampleRequest, limits: RequestLimits): Promise<Sampled[]> {
    this.#requireRoom(request.prompt.length, request.maxTokens);
    const answer = await this.#complete(limits, sampleBody(this.endpoint.servedName, request));
    const asked = { server: this.root, model: this.endpoint.servedName, prompts: [request.prompt], n: request.n };
    return readSampled(answer, asked, request.stop, request.maxTokens);
  }

  /** Log probabilities of the given sequences from their `from` on, in one request. */
  async score(sequences: readonly ScoreRequest[], limits: RequestLimits): Promise<number[][]> {
    for (const { ids, from } of sequences) {
      if (from < 1 || from >= ids.length) {
        throw new RangeError(`Expected 1 ≤ from < ${ids.length}, got ${from}: the first token has no log probability`);
      }
    }
    const prompts = sequences.map(({ ids }) => ids);
    const answer = await this.#complete(limits, scoreBody(this.endpoint.servedName, prompts));
    const asked = { server: this.root, model: this.endpoint.servedName, prompts, n: 1 };
    return readScores(
      answer,
      asked,
      sequences.map(({ from }) => from),
    );
  }

  /** One completion under any settings, for evaluation. */
  async complete(request: CompletionRequest, limits: RequestLimits): Promise<Completion> {
    this.#requireRoom(request.prompt.length, request.maxTokens);
    const body = completionBody(this.endpoint.servedName, {
      ...NEUTRAL_SAMPLING,
      prompt: request.prompt,
      n: 1,
      max_tokens: request.maxTokens,
      temperature: request.temperature,
      top_p: request.topP ?? 1,
      top_k: request.topK ?? 0,
      ...(request.seed === undefined ? {} : { seed: request.seed }),
      ...(request.stopTexts === undefined || request.stopTexts.length === 0 ? {} : { stop: request.stopTexts }),
      stop_token_ids: request.stopIds ?? [],
      logprobs: 0,
    });
    const answer = await this.#complete(limits, body);
    const asked = { server: this.root, model: this.endpoint.servedName, prompts: [request.prompt], n: 1 };
    const [only] = readSampled(answer, asked, null, request.maxTokens);
    if (only === undefined) throw new RangeError('Expected one choice of a checked answer, got none');
    return { tokenIds: only.tokenIds, text: only.text, finish: only.finish === 'length' ? 'length' : 'stop' };
  }

  /** A real completion of one token: `/health` stays 200 while an engine hangs (vllm#36451). */
  async probe(prompt: readonly number[], limits: RequestLimits): Promise<void> {
    await this.complete({ prompt, maxTokens: 1, temperature: 0 }, limits);
  }

  /** Token ids the server makes of a text, no special tokens added. */
  async tokenize(text: string, limits: RequestLimits): Promise<number[]> {
    const body = { model: this.endpoint.servedName, prompt: text, add_special_tokens: false };
    const { tokens } = (await this.#json(limits, '/tokenize', body)) as { tokens?: unknown };
    if (!Array.isArray(tokens) || !tokens.every((token) => typeof token === 'number')) {
      throw new VllmError({ kind: 'garbage', what: 'shape' }, this.root, 'Expected tokens from /tokenize, got none');
    }
    return tokens;
  }

  /** The models the server names; afterwards requests that its context cannot hold are refused here. */
  async models(limits: RequestLimits): Promise<ServedModel[]> {
    const { data } = (await this.#json(limits, '/v1/models')) as { data?: unknown };
    if (!Array.isArray(data)) {
      throw new VllmError({ kind: 'garbage', what: 'shape' }, this.root, 'Expected a list of models, got none');
    }
    const models = (data as { id?: unknown; max_model_len?: unknown }[]).map((model) => ({
      id: String(model.id),
      maxModelLen: typeof model.max_model_len === 'number' ? model.max_model_len : null,
    }));
    this.#maxModelLen = models.find(({ id }) => id === this.endpoint.servedName)?.maxModelLen ?? null;
    return models;
  }

  /** The server's load; null when its `/metrics` says nothing of it. */
  async load(limits: RequestLimits): Promise<ServerLoad | null> {
    return readServerLoad(await this.#text(limits, '/metrics'));
  }

  /** Closes all connections; requests in flight fail with `lost`, and the server aborts them. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  /**
   * vLLM shortens `max_tokens` in silence where prompt and answer do not fit, and a thought cut off by that is no thought
   * of the distribution asked for. (A prompt that leaves no room at all it refuses itself.)
   */
  #requireRoom(prompt: number, maxTokens: number): void {
    if (this.#maxModelLen === null || prompt + maxTokens <= this.#maxModelLen) return;
    const message = `Expected prompt and answer within ${this.#maxModelLen} tokens, got ${prompt} + ${maxTokens}`;
    throw new VllmError({ kind: 'refused', status: 400 }, this.root, `${message}: raise the server's max_model_len`);
  }

  #complete(limits: RequestLimits, body: object): Promise<unknown> {
    return this.#json(limits, '/v1/completions', body);
  }

  /** The answer's JSON; an object whatever it says, so that fields can be looked for. */
  async #json(limits: RequestLimits, path: string, body?: unknown): Promise<object> {
    const text = await this.#text(limits, path, body);
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) return value;
    } catch (thrown) {
      const message = `Expected JSON: ${(thrown as Error).message}`;
      throw new VllmError({ kind: 'garbage', what: 'shape' }, this.root, message, { cause: thrown });
    }
    throw new VllmError({ kind: 'garbage', what: 'shape' }, this.root, `Expected an object, got ${text.slice(0, 80)}`);
  }

  /** The answer's body, where its status is 200. */
  async #text(limits: RequestLimits, path: string, body?: unknown): Promise<string> {
    const answer = await withDeadline(limits.signal, limits.deadlineMs, async (signal, stopped) => {
      try {
        return await this.#transport.exchange(path, body, signal);
      } catch (thrown) {
        // What an aborted request throws depends on how far it was; why it was aborted is known here alone.
        if (stopped() === 'deadline') {
          const message = `Expected an answer within ${limits.deadlineMs} ms, got none`;
          throw new VllmError({ kind: 'deadline' }, this.root, message, { cause: thrown });
        }
        if (stopped() === 'cancelled') {
          throw new VllmError({ kind: 'cancelled' }, this.root, 'Request cancelled', { cause: thrown });
        }
        throw lostError(thrown, this.root);
      }
    });
    if (answer.status === 200) return answer.body;
    const failure = failureOfStatus(answer.status, answer.headers['retry-after']);
    const message = `Expected status 200, got ${answer.status} ${answer.body.slice(0, 500)}`;
    throw new VllmError(failure, this.root, message);
  }
}
