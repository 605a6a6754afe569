import { admit, type ExpectedModel } from './admission.ts';
import type { ServerEndpoint } from './client.ts';
import { pooledInference, type Inference } from './inference.ts';
import { pause } from './pause.ts';
import { ServerPool, type PoolOptions } from './pool.ts';
import { DEFAULT_POOL_SETTINGS, type PoolSettings } from './pool-settings.ts';

export interface FleetPoolsOptions {
  /** The servers of a fleet that are up at this moment. */
  readonly listServers: (fleet: string) => Promise<readonly ServerEndpoint[]>;
  readonly settings?: Partial<PoolSettings>;
  /** Told of every change of a server's state. */
  readonly onChange?: PoolOptions['onChange'] | undefined;
  /** Time between two looks at the list, milliseconds. */
  readonly listMs?: number;
  /** How long a pool that nobody uses is kept for the next shard, milliseconds. */
  readonly idleMs?: number;
}

interface FleetPool {
  readonly pool: ServerPool;
  readonly inference: Inference;
  readonly stop: AbortController;
  users: number;
  idle: NodeJS.Timeout | null;
}

/**
 * One pool a fleet for a whole worker process: the shards it samples at once share the servers' windows. A pool begins
 * with its first user, follows the fleet's list of servers, and ends a little after its last user.
 */
export class FleetPools {
  readonly #options: FleetPoolsOptions;
  readonly #pools = new Map<string, FleetPool>();

  constructor(options: FleetPoolsOptions) {
    this.#options = options;
  }

  /**
   * Runs `work` with the servers of a fleet.
   *
   * @param model what each server must serve before it takes work
   */
  async use<Result>(
    fleet: string,
    model: ExpectedModel,
    work: (inference: Inference) => Promise<Result>,
  ): Promise<Result> {
    const entry = this.#pools.get(fleet) ?? this.#open(fleet, model);
    entry.users += 1;
    if (entry.idle !== null) clearTimeout(entry.idle);
    entry.idle = null;
    try {
      return await work(entry.inference);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) {
        entry.idle = setTimeout(() => void this.#close(fleet, entry), this.#options.idleMs ?? 10_000);
        entry.idle.unref();
      }
    }
  }

  /** Whether work of a fleet waits for a server: none is ready. That is the fleet's affair, and bounded by the pool. */
  lacksServer(fleet: string): boolean {
    const entry = this.#pools.get(fleet);
    return entry !== undefined && entry.pool.waiting > 0 && !entry.pool.status().some(({ state }) => state === 'ready');
  }

  /** Ends all pools at once. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools].map(([fleet, entry]) => this.#close(fleet, entry)));
  }

  #open(fleet: string, model: ExpectedModel): FleetPool {
    const settings = { ...DEFAULT_POOL_SETTINGS, ...this.#options.settings };
    const { onChange } = this.#options;
    const pool = new ServerPool({
      admit: (client, signal) => admit(client, model, settings.probeMs, signal),
      probePrompt: [model.description.beginning],
      settings,
      ...(onChange === undefined ? {} : { onChange }),
    });
    const entry = { pool, inference: pooledInference(pool), stop: new AbortController(), users: 0, idle: null };
    this.#pools.set(fleet, entry);
    void this.#follow(fleet, pool, entry.stop.signal);
    return entry;
  }

  /** Keeps the pool's servers as the list says. A list that cannot be read changes nothing: the servers may be well. */
  async #follow(fleet: string, pool: ServerPool, stop: AbortSignal): Promise<void> {
    do {
      const servers = await this.#options.listServers(fleet).catch(() => null);
      if (stop.aborted) return;
      if (servers !== null) pool.setServers(servers);
    } while (await pause(this.#options.listMs ?? 1_000, stop));
  }

  async #close(fleet: string, entry: FleetPool): Promise<void> {
    if (entry.idle !== null) clearTimeout(entry.idle);
    if (this.#pools.get(fleet) === entry) this.#pools.delete(fleet);
    entry.stop.abort();
    await entry.pool.close();
  }
}
