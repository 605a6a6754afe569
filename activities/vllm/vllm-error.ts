/**
 * What went wrong with a request to a vLLM server, by what follows from it.
 *
 * - `refused` (400, 413, 422): this request is at fault and will be refused everywhere.
 * - `unauthorised` (401, 403): the key is wrong; no request will do better.
 * - `wrong-weights` (404): the server does not know the model by the name asked for.
 * - `busy` (408, 409, 425, 429, 503): the server wants less; try later or elsewhere.
 * - `lost` (connection refused, reset or cut, any other 5xx): the server is gone or going.
 * - `deadline`: no answer within our own deadline.
 * - `garbage`: an answer came that is not the answer to what was asked; `what` says which check failed.
 * - `cancelled`: the caller gave up.
 */
export type VllmFailure =
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'unauthorised'; readonly status: number }
  | { readonly kind: 'wrong-weights' }
  | { readonly kind: 'busy'; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly kind: 'lost'; readonly status: number | null }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'garbage'; readonly what: GarbageCause }
  | { readonly kind: 'cancelled' };

/**
 * Checks an answer can fail. `shape`: fields missing or of another type; `model`: another model answered; `count`:
 * other choices than asked for; `prompt-ids`, `ids`: other ids than sent, or a stop id in the middle; `length`: lists of
 * unequal length, or an end by length before the limit; `finish`: an end that is neither stop nor length;
 * `not-finite`, `positive`: a log probability that is none; `first-not-null`: a score for the first token.
 */
export type GarbageCause =
  | 'shape'
  | 'model'
  | 'count'
  | 'prompt-ids'
  | 'ids'
  | 'length'
  | 'finish'
  | 'not-finite'
  | 'positive'
  | 'first-not-null';

/** A failed request to one server, with its typed cause. */
export class VllmError extends Error {
  override readonly name = 'VllmError';
  readonly failure: VllmFailure;
  /** Base URL of the server. */
  readonly server: string;

  constructor(failure: VllmFailure, server: string, message: string, options?: ErrorOptions) {
    super(`${message} (server ${server})`, options);
    this.failure = failure;
    this.server = server;
  }
}

/** Reads a `retry-after` header in seconds; null when there is none or it is a date. */
function retryAfterMs(header: string | string[] | undefined): number | null {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

/** What an HTTP status of a vLLM server means for the request and the server (vLLM 0.32, `serve/exception_handling`). */
export function failureOfStatus(status: number, retryAfter?: string | string[]): VllmFailure {
  switch (status) {
    case 401:
    case 403:
      return { kind: 'unauthorised', status };
    case 404:
      return { kind: 'wrong-weights' };
    case 408:
    case 409:
    case 425:
    case 429:
    case 503:
      return { kind: 'busy', status, retryAfterMs: retryAfterMs(retryAfter) };
    default:
      return status >= 500 ? { kind: 'lost', status } : { kind: 'refused', status };
  }
}

/**
 * The typed failure of a request that the connection let down.
 *
 * @param thrown the error caught around one request
 * @param server base URL of the server
 */
export function lostError(thrown: unknown, server: string): VllmError {
  const message = thrown instanceof Error ? rootMessage(thrown) : String(thrown);
  return new VllmError({ kind: 'lost', status: null }, server, `No answer: ${message}`, { cause: thrown });
}

/** Message of the innermost cause. */
function rootMessage(error: Error): string {
  let current: Error = error;
  while (current.cause instanceof Error) current = current.cause;
  return current.message === '' ? current.name : current.message;
}
