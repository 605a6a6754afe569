import { Agent, type Dispatcher } from 'undici';

/** An answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Under uvicorn's 5 s, after which it closes idle sockets: a request sent into a closing socket is lost. */
const KEEP_ALIVE_MS = 4_000;

/**
 * Keep-alive connections to one server, as many as there are requests under way. Whole bodies in, whole bodies out: the
 * web's `fetch`, and what is built on it, spends four times the processor time of a request on streams and headers.
 */
export class Transport {
  readonly #origin: string;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: Agent;

  /** @param root base URL of all paths @param apiKey sent as a bearer token, where there is one */
  constructor(root: string, apiKey: string | undefined) {
    const { origin, pathname } = new URL(root);
    this.#origin = origin;
    this.#path = pathname.replace(/\/$/, '');
    this.#headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    };
    // vLLM sends no header before the whole answer is there, queueing included, so the limits of 300 s are off.
    this.#agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MS });
  }

  /**
   * Sends one request and reads its whole answer, of whatever status.
   *
   * @param body sent as JSON; GET without one
   * @throws the connection's error, or the signal's reason
   */
  exchange(path: string, body: unknown, signal: AbortSignal): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const parts: Buffer[] = [];
      let status = 0;
      let headers: WireAnswer['headers'] = {};
      let abort: (() => void) | null = null;
      const over = (): void => {
        if (abort !== null) signal.removeEventListener('abort', abort);
      };
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: (controller) => {
          abort = () => controller.abort(signal.reason as Error);
          if (signal.aborted) abort();
          else signal.addEventListener('abort', abort, { once: true });
        },
        onResponseStart: (_controller, statusCode, found) => {
          status = statusCode;
          headers = found;
        },
        onResponseData: (_controller, chunk) => void parts.push(chunk),
        onResponseEnd: () => {
          over();
          const [first] = parts;
          const whole = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
          resolve({ status, headers, body: whole.toString('utf8') });
        },
        onResponseError: (_controller, error) => {
          over();
          reject(error);
        },
      };
      const sent =
        body === undefined ? { method: 'GET' as const } : { method: 'POST' as const, body: JSON.stringify(body) };
      this.#agent.dispatch({ origin: this.#origin, path: this.#path + path, headers: this.#headers, ...sent }, handler);
    });
  }

  /** Closes all connections; requests in flight fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
