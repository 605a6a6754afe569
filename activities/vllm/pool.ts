import { hash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Admission } from './admission.ts';
import type { RequestLimits, ServerEndpoint, VllmClient } from './client.ts';
import { FairQueue } from './fair-queue.ts';
import { onceAborted } from './once-aborted.ts';
import { pause } from './pause.ts';
import { PoolServer, type Outstanding, type ServerState } from './pool-server.ts';
import { DEFAULT_POOL_SETTINGS, type PoolSettings } from './pool-settings.ts';
import { VllmError } from './vllm-error.ts';

export interface PoolOptions {
  /** Checks a server before it takes work, see admission.ts. */
  readonly admit: (client: VllmClient, signal: AbortSignal) => Promise<Admission>;
  /** Ids of a probe's prompt: BOS. */
  readonly probePrompt: readonly number[];
  readonly settings?: Partial<PoolSettings>;
  /** Told of every change of a server's state. */
  readonly onChange?: (server: string, state: ServerState, message: string) => void;
}

/** What the pool needs to know of a request to place it. */
export interface PoolRequest {
  /** Sequences the server has to hold at once: K for a sampling request, the prompts of a scoring request. */
  readonly sequences: number;
  /** Tokens the server has to work on: prompt tokens and the most it may generate. */
  readonly tokens: number;
  /** Whose request it is; groups are served in turn, and every second turn is that of the lowest `order`. */
  readonly group: string;
  readonly order?: number;
  /** Goes before the group's other requests: what has been done before it is lost in a crash until it is answered. */
  readonly urgent?: boolean;
  /** Requests of one document have a common prefix: they prefer one server. */
  readonly affinity?: string;
  readonly signal?: AbortSignal;
  /** Deadline of one try, milliseconds; the pool's own where absent. */
  readonly deadlineMs?: number;
}

/** No server was ready for too long. */
export class NoServerError extends Error {
  override readonly name = 'NoServerError';
}

/** A server and the room taken at it. */
interface PlacedRequest {
  readonly server: PoolServer;
  readonly outstanding: Outstanding;
}

interface Waiter {
  readonly request: PoolRequest;
  /** The server that failed this request last; another is preferred. */
  readonly avoid: PoolServer | null;
  readonly start: (place: PlacedRequest) => void;
  readonly fail: (error: Error) => void;
}

/** How much longer than at the best server a request may take at a preferred one, or how much more that may have outstanding. */
const AFFINITY_SLACK = 2;

/**
 * The servers of one checkpoint, as one. A request waits in a queue that serves its groups in turn, goes to the ready
 * server with room in its window that would answer it soonest (the one with the fewest outstanding tokens, before its
 * answers tell), and when that server fails it, waits and goes to another, until an answer has come, the request is at
 * fault itself, or its time is up. What a server does in between is in pool-server.ts.
 */
export class ServerPool {
  readonly #options: PoolOptions;
  readonly #settings: PoolSettings;
  readonly #servers = new Map<string, PoolServer>();
  readonly #waiting = new FairQueue<Waiter>();
  /** Runs while requests wait and no server is ready. */
  #emptyTimer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#settings = { ...DEFAULT_POOL_SETTINGS, ...options.settings };
  }

  /** Sets which servers there are: new ones join, missing ones finish what they have and leave. */
  setServers(endpoints: readonly ServerEndpoint[]): void {
    if (this.#closed) return;
    const listed = new Map(endpoints.map((endpoint) => [`${endpoint.url} ${endpoint.servedName}`, endpoint]));
    for (const [key, server] of this.#servers) {
      if (!listed.has(key)) server.leave();
    }
    for (const [key, endpoint] of listed) {
      const known = this.#servers.get(key);
      if (known !== undefined && known.state !== 'gone') {
        if (known.state === 'leaving') known.join();
        continue;
      }
      const server = new PoolServer(endpoint, {
        settings: this.#settings,
        admit: this.#options.admit,
        probePrompt: this.#options.probePrompt,
        changed: (changed, message) => this.#onChange(changed, message),
      });
      this.#servers.set(key, server);
      server.join();
    }
  }

  /** The servers and what they are at, for logs and metrics. */
  status(): {
    server: string;
    state: ServerState;
    sequences: number;
    tokens: number;
    window: number;
    trouble: string | null;
  }[] {
    return [...this.#servers.values()].map((server) => ({
      server: server.client.root,
      state: server.state,
      sequences: server.outstandingSequences,
      tokens: server.outstandingTokens,
      window: server.windowSize,
      trouble: server.trouble,
    }));
  }

  /** Requests that wait for room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Sends a request, again and elsewhere where that can help.
   *
   * @param send does the request with one server; called once a try
   * @throws VllmError when the request itself is at fault, cancelled, or failed its last try; NoServerError when no
   *   server was ready for too long
   */
  async run<Result>(
    request: PoolRequest,
    send: (client: VllmClient, limits: RequestLimits) => Promise<Result>,
  ): Promise<Result> {
    const settings = this.#settings;
    const giveUpAt = performance.now() + settings.retryMs;
    let failures = 0;
    let avoid: PoolServer | null = null;
    for (let wait = settings.pauseMs; ; wait = Math.min(settings.longestPauseMs, wait * 2)) {
      const { server, outstanding }: PlacedRequest = await this.#place(request, avoid);
      let failure: VllmError;
      try {
        const answer = await this.#send(server, outstanding, request, send);
        server.answered(outstanding);
        return answer;
      } catch (thrown) {
        if (!(thrown instanceof VllmError)) throw thrown;
        failure = outstanding.forgotten ? forgottenBy(server, thrown) : thrown;
      } finally {
        server.give(outstanding);
      }
      if (request.signal?.aborted === true || !this.#mayHelp(server, failure)) throw failure;
      // Nor is a request to blame that was aborted because its server failed another one.
      if (failure.failure.kind !== 'busy' && failure.failure.kind !== 'cancelled') failures += 1;
      if (failures >= settings.tries || performance.now() >= giveUpAt) throw failure;
      avoid = server;
      const asked = failure.failure.kind === 'busy' ? (failure.failure.retryAfterMs ?? 0) : 0;
      await pause(Math.max(asked, wait * (0.5 + Math.random() / 2)), request.signal);
    }
  }

  /** Ends at once: waiting requests fail, requests at servers are aborted. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#failWaiting(new NoServerError('Expected a server, found the pool closed'));
    if (this.#emptyTimer !== null) clearTimeout(this.#emptyTimer);
    await Promise.all([...this.#servers.values()].map((server) => server.close()));
  }

  async #send<Result>(
    server: PoolServer,
    outstanding: Outstanding,
    request: PoolRequest,
    send: (client: VllmClient, limits: RequestLimits) => Promise<Result>,
  ): Promise<Result> {
    const { controller } = outstanding;
    if (request.signal?.aborted === true) controller.abort();
    const forget = request.signal === undefined ? null : onceAborted(request.signal, () => controller.abort());
    try {
      return await send(server.client, {
        signal: controller.signal,
        deadlineMs: request.deadlineMs ?? this.#settings.requestMs,
      });
    } finally {
      forget?.();
    }
  }

  /** What a failed request says of its server; whether the request may be sent again. */
  #mayHelp(server: PoolServer, { failure, message }: VllmError): boolean {
    switch (failure.kind) {
      case 'refused':
      case 'unauthorised':
        return false;
      case 'busy':
        server.refused();
        return true;
      case 'lost':
      case 'deadline':
        server.suspect(message);
        return true;
      case 'wrong-weights':
      case 'garbage':
        server.distrust(message);
        return true;
      case 'cancelled':
        // Not by the caller: the server was given up while the request was there.
        return true;
    }
  }

  /** Waits for a server with room. */
  #place(request: PoolRequest, avoid: PoolServer | null): Promise<PlacedRequest> {
    if (this.#closed) return Promise.reject(new NoServerError('Expected a server, found the pool closed'));
    return new Promise((resolve, reject) => {
      const { signal, group } = request;
      const cancelled = (): void => {
        this.#waiting.remove(group, waiter);
        reject(new VllmError({ kind: 'cancelled' }, 'none', 'Request cancelled while it waited for a server'));
      };
      const waiter: Waiter = {
        request,
        avoid,
        start: (place) => {
          forget?.();
          resolve(place);
        },
        fail: (error) => {
          forget?.();
          reject(error);
        },
      };
      if (signal?.aborted === true) return cancelled();
      const forget = signal === undefined ? null : onceAborted(signal, cancelled);
      this.#waiting.push(request, waiter);
      this.#dispatch();
      this.#watchEmpty();
    });
  }

  #onChange(server: PoolServer, message: string | null): void {
    if (message !== null) this.#options.onChange?.(server.client.root, server.state, message);
    if (server.state === 'gone') {
      for (const [key, known] of this.#servers) if (known === server) this.#servers.delete(key);
    }
    this.#dispatch();
    this.#watchEmpty();
  }

  /** Starts waiting requests while there is room. */
  #dispatch(): void {
    for (;;) {
      const waiter = this.#waiting.peek();
      if (waiter === undefined) return;
      const server = this.#choose(waiter);
      if (server === null) return;
      this.#waiting.shift();
      waiter.start({ server, outstanding: server.take(waiter.request.sequences, waiter.request.tokens) });
    }
  }

  #choose({ request, avoid }: Waiter): PoolServer | null {
    let open = [...this.#servers.values()].filter((server) => server.hasRoom(request.sequences));
    const others = open.filter((server) => server !== avoid);
    if (others.length > 0) open = others;
    const [first, ...rest] = open;
    if (first === undefined) return null;
    const least = rest.reduce((a, b) => (isBetter(b, a) ? b : a), first);
    if (request.affinity === undefined || rest.length === 0) return least;
    const { affinity } = request;
    const preferred = rest.reduce((a, b) => (rank(affinity, b) > rank(affinity, a) ? b : a), first);
    const bearable =
      preferred.expectedPace === null || least.expectedPace === null
        ? preferred.outstandingTokens <= least.outstandingTokens * AFFINITY_SLACK + request.tokens
        : preferred.expectedPace <= least.expectedPace * AFFINITY_SLACK;
    return bearable ? preferred : least;
  }

  /** Fails what waits when there was no ready server all the while. */
  #watchEmpty(): void {
    const ready = [...this.#servers.values()].some(({ state }) => state === 'ready');
    if (ready || this.#waiting.size === 0) {
      if (this.#emptyTimer !== null) clearTimeout(this.#emptyTimer);
      this.#emptyTimer = null;
      return;
    }
    this.#emptyTimer ??= setTimeout(() => {
      this.#emptyTimer = null;
      const servers = this.status().map(
        ({ server, state, trouble }) => `${server} ${state} (${trouble ?? 'no trouble known'})`,
      );
      const found = servers.length === 0 ? 'no server listed' : servers.join('; ');
      this.#failWaiting(
        new NoServerError(`Expected a ready server within ${this.#settings.noServerMs} ms, found ${found}`),
      );
    }, this.#settings.noServerMs);
  }

  #failWaiting(error: Error): void {
    for (let waiter = this.#waiting.shift(); waiter !== undefined; waiter = this.#waiting.shift()) waiter.fail(error);
  }
}

/** Whether a request is better sent to `a` than to `b`: where it takes less time, or, before that is known, to fewer tokens. */
function isBetter(a: PoolServer, b: PoolServer): boolean {
  if (a.expectedPace === null || b.expectedPace === null) return a.outstandingTokens < b.outstandingTokens;
  return a.expectedPace < b.expectedPace;
}

/** A request that a server takes and forgets is a failure of its own: it may be the cause, as with a deadline. */
function forgottenBy(server: PoolServer, cause: VllmError): VllmError {
  const message = 'Expected tokens or an answer, got none while the server answered a probe';
  return new VllmError({ kind: 'deadline' }, server.client.root, message, { cause });
}

/** Rendezvous hashing: the server of highest rank is the same for a document whichever others come and go. */
function rank(affinity: string, server: PoolServer): number {
  return hash('md5', `${affinity} ${server.client.root}`, 'buffer').readUInt32BE();
}
