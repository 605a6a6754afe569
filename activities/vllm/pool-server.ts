import { performance } from 'node:perf_hooks';
import type { Admission } from './admission.ts';
import { VllmClient, type ServerEndpoint } from './client.ts';
import { pause } from './pause.ts';
import type { PoolSettings } from './pool-settings.ts';
import type { ServerLoad } from './server-load.ts';
import { VllmError } from './vllm-error.ts';
import { INITIAL_WINDOW, windowAfterLook, windowAfterRefusal } from './window.ts';

/** Looks in the time of one while it is sought how much a server takes. */
const SEEKING_LOOKS = 10;

/** Answers over which a server's pace is averaged. */
const PACE_ANSWERS = 32;

/** See the state machine below. */
export type ServerState = 'joining' | 'ready' | 'suspect' | 'leaving' | 'gone';

/** A request that is at a server. */
export interface Outstanding {
  readonly sequences: number;
  readonly tokens: number;
  /** When it was sent, milliseconds of the process's clock. */
  readonly at: number;
  readonly controller: AbortController;
  /** Whether the server has forgotten it, by all that it shows. */
  forgotten: boolean;
}

/** What a server needs from its pool. */
export interface PoolServerPort {
  readonly settings: PoolSettings;
  /** Checks a server before it takes work. */
  readonly admit: (client: VllmClient, signal: AbortSignal) => Promise<Admission>;
  /** Ids of a probe's prompt. */
  readonly probePrompt: readonly number[];
  /** Called when the server's state has changed or it has more room. */
  readonly changed: (server: PoolServer, message: string | null) => void;
}

/**
 * One server of the pool.
 *
 *     joining ──admitted──► ready ──lost, deadline, stall──► suspect ──probe answered──► ready
 *        ▲                    │                                 │
 *        └──garbage, wrong ◄──┘                                 └──probe failed──► joining
 *           weights
 *     any ──no longer listed──► leaving ──nothing outstanding──► gone
 *
 * - joining: takes no work; admission is tried until it succeeds, with pauses that double. Coming from another state,
 *   all that was outstanding is given back to the pool, to be sent elsewhere.
 * - ready: takes work up to its window; its `/metrics` are looked at.
 * - suspect: takes no new work, keeps what it has; one probe decides. What was there while the token counters stood still
 *   is given back to the pool when the probe is answered: a server that answers it, and not them, has forgotten them.
 * - leaving: takes no new work and finishes what it has.
 */
export class PoolServer {
  readonly client: VllmClient;
  #state: ServerState = 'joining';
  #window = INITIAL_WINDOW;
  #sequences = 0;
  #tokens = 0;
  /** Milliseconds that a token of a request takes, lately, and the answers it is known from. */
  #pace = { milliseconds: 0, answers: 0 };
  /** Sequences given back since the last look. */
  #finished = 0;
  /** Why the last admission failed; for people. */
  #trouble: string | null = null;
  /** Token counters when they last had moved, and when that was. */
  #counter = { tokens: -1, since: 0 };
  readonly #outstanding = new Set<Outstanding>();
  readonly #port: PoolServerPort;
  /** Ends everything that runs on behalf of the present stay in the pool. */
  #stay = new AbortController();

  constructor(endpoint: ServerEndpoint, port: PoolServerPort) {
    this.client = new VllmClient(endpoint);
    this.#port = port;
  }

  get state(): ServerState {
    return this.#state;
  }

  get outstandingTokens(): number {
    return this.#tokens;
  }

  get outstandingSequences(): number {
    return this.#sequences;
  }

  /**
   * How long a request sent now would take beside those that are there, in milliseconds a token; null before enough
   * answers have come.
   */
  get expectedPace(): number | null {
    const { milliseconds, answers } = this.#pace;
    return answers < PACE_ANSWERS ? null : milliseconds * (1 + this.#sequences / this.#window.size);
  }

  get windowSize(): number {
    return this.#window.size;
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  /** Whether a request may be sent now. A request larger than the window goes to an idle server alone. */
  hasRoom(sequences: number): boolean {
    return this.#state === 'ready' && (this.#sequences === 0 || this.#sequences + sequences <= this.#window.size);
  }

  /** Starts to join; called once, and again when a leaving server is listed anew. */
  join(): void {
    this.#stay.abort();
    this.#stay = new AbortController();
    this.#enter('joining', null);
    void this.#live(this.#stay.signal);
  }

  take(sequences: number, tokens: number): Outstanding {
    const controller = new AbortController();
    const request = { sequences, tokens, at: performance.now(), controller, forgotten: false };
    this.#outstanding.add(request);
    this.#sequences += sequences;
    this.#tokens += tokens;
    return request;
  }

  /** A request is over, however it ended. */
  give(request: Outstanding): void {
    if (!this.#outstanding.delete(request)) return;
    this.#sequences -= request.sequences;
    this.#tokens -= request.tokens;
    this.#finished += request.sequences;
    if (this.#state === 'leaving' && this.#outstanding.size === 0) void this.#end();
    else this.#port.changed(this, null);
  }

  /** A request was answered. */
  answered({ at, tokens }: Outstanding): void {
    const answers = this.#pace.answers + 1;
    const latest = (performance.now() - at) / Math.max(1, tokens);
    const milliseconds = this.#pace.milliseconds + (latest - this.#pace.milliseconds) / Math.min(answers, PACE_ANSWERS);
    this.#pace = { milliseconds, answers };
  }

  /** The server wants less. */
  refused(): void {
    this.#window = windowAfterRefusal(this.#window);
  }

  /** A request was lost or not answered in time: probe before anything more is sent. */
  suspect(message: string): void {
    this.#doubt(message, []);
  }

  /** @param stalled requests to give back when the server turns out to be well */
  #doubt(message: string, stalled: readonly Outstanding[]): void {
    if (this.#state !== 'ready') return;
    this.#enter('suspect', message);
    void this.#probe(this.#stay.signal, stalled);
  }

  /** The server answered something wrong: nothing of it is taken before it is admitted anew. */
  distrust(message: string): void {
    if (this.#state !== 'ready' && this.#state !== 'suspect') return;
    this.#trouble = message;
    for (const request of this.#outstanding) request.controller.abort();
    this.join();
    this.#port.changed(this, message);
  }

  /** No longer listed: finish what there is and go. */
  leave(): void {
    if (this.#state === 'leaving' || this.#state === 'gone') return;
    this.#stay.abort();
    this.#enter('leaving', 'no longer listed');
    if (this.#outstanding.size === 0) void this.#end();
  }

  /** Ends at once; what is outstanding is aborted. */
  async close(): Promise<void> {
    this.#stay.abort();
    for (const request of this.#outstanding) request.controller.abort();
    await this.#end();
  }

  async #end(): Promise<void> {
    if (this.#state === 'gone') return;
    this.#enter('gone', null);
    await this.client.close();
  }

  #enter(state: ServerState, message: string | null): void {
    if (this.#state === state && message === null) return;
    this.#state = state;
    this.#port.changed(this, message);
  }

  /** Joins, then looks at the server until the stay ends. */
  async #live(stay: AbortSignal): Promise<void> {
    const { settings, admit } = this.#port;
    for (let wait = settings.rejoinMs; ; wait = Math.min(settings.longestRejoinMs, wait * 2)) {
      const admission = await admit(this.client, stay);
      if (stay.aborted) return;
      if (admission.kind === 'admitted') break;
      const trouble = `${admission.check}: ${admission.message}`;
      if (trouble !== this.#trouble) this.#port.changed(this, trouble);
      this.#trouble = trouble;
      if (!(await pause(wait, stay))) return;
    }
    this.#trouble = null;
    this.#counter = { tokens: -1, since: performance.now() };
    this.#enter('ready', 'admitted');
    // While it doubles, a window is the limit for as long as a look takes to come.
    while (await pause(this.#window.seeking ? settings.lookMs / SEEKING_LOOKS : settings.lookMs, stay)) {
      if (this.#state === 'ready') await this.#look(stay);
    }
  }

  async #look(stay: AbortSignal): Promise<void> {
    let load: ServerLoad | null;
    try {
      load = await this.client.load({ signal: stay, deadlineMs: this.#port.settings.probeMs });
    } catch (thrown) {
      const kind = thrown instanceof VllmError ? thrown.failure.kind : 'lost';
      if (kind === 'lost' || kind === 'deadline') this.suspect(`/metrics: ${String(thrown)}`);
      return;
    }
    if (load === null || stay.aborted) return;
    this.#window = windowAfterLook(this.#window, load, {
      outstanding: this.#sequences,
      finished: this.#finished,
      largest: Math.max(0, ...[...this.#outstanding].map(({ sequences }) => sequences)),
    });
    this.#finished = 0;
    this.#doubtStalled(load);
    this.#port.changed(this, null);
  }

  /** What moves the counters a little is a probe of others: a server that works moves them more. */
  #doubtStalled(load: ServerLoad): void {
    const { stallMs, stallTokens } = this.#port.settings;
    const now = performance.now();
    const moved = load.tokens - this.#counter.tokens;
    const stands = moved >= 0 && moved < stallTokens && this.#outstanding.size > 0;
    if (stands && now - this.#counter.since <= stallMs) return;
    this.#counter = { tokens: load.tokens, since: now };
    if (stands) this.#doubt(`fewer than ${stallTokens} tokens in ${stallMs} ms`, [...this.#outstanding]);
  }

  async #probe(stay: AbortSignal, stalled: readonly Outstanding[]): Promise<void> {
    const { settings, probePrompt } = this.#port;
    try {
      await this.client.probe(probePrompt, { signal: stay, deadlineMs: settings.probeMs });
    } catch (thrown) {
      if (!stay.aborted) this.distrust(`probe: ${String(thrown)}`);
      return;
    }
    if (stay.aborted || this.#state !== 'suspect') return;
    for (const request of stalled) {
      request.forgotten = true;
      request.controller.abort();
    }
    this.#window = windowAfterRefusal(this.#window);
    this.#enter('ready', 'probe answered');
  }
}
