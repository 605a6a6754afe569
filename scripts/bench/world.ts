import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { SAMPLER_FLAGS } from '../stack/node-flags.ts';
import { writeBenchModel } from './bench-model.ts';
import { startBenchPostgres, type BenchPostgres } from './bench-postgres.ts';
import { BenchProcess } from './bench-process.ts';
import type { SamplerReport, SamplerSettings } from './programs/sampler.ts';
import type { QuickServerSettings } from './server/quick-server.ts';
import type { ServerStats } from './server/request-counter.ts';

/** Absolute path of a program of the benches. */
export const program = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Name under which the benches' server serves. */
export const SERVED_NAME = 'bench';

/** A server of a bench, in a process of its own. */
export interface BenchServer {
  readonly url: string;
  stats(): Promise<ServerStats>;
  /** Begins its count anew. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** What a bench works with: a folder, a store, servers and samplers, all its own and gone at its end. */
export class World {
  readonly folder: string;
  /** Model folder that servers serve and samplers read. */
  readonly model: string;
  readonly database: Database;
  readonly postgres: BenchPostgres;
  readonly #processes = new Set<BenchProcess>();

  private constructor(folder: string, postgres: BenchPostgres) {
    this.folder = folder;
    this.postgres = postgres;
    this.database = openDatabase(postgres.url, 4);
    this.model = writeBenchModel(folder);
  }

  static async start(): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'thoughtloop-bench-'));
    // For the account that PostgreSQL runs as when this runs as root.
    chmodSync(folder, 0o755);
    return new World(folder, await startBenchPostgres(join(folder, 'postgres')));
  }

  /** A folder for one thing. */
  make(name: string): string {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Starts the quick server. */
  async serve(settings: Partial<QuickServerSettings> = {}): Promise<BenchServer> {
    const whole = { model: this.model, servedName: SERVED_NAME, latencyMs: 0, thoughtTokens: 32, port: 0, ...settings };
    const server = this.node(program('./server/quick-server.ts'), whole);
    const { url } = await server.next<{ url: string }>();
    return {
      url,
      stats: async () => (await (await fetch(`${url}/stats`)).json()) as ServerStats,
      reset: async () => void (await fetch(`${url}/reset`, { method: 'POST' })),
      stop: () => this.end(server, 'SIGTERM'),
    };
  }

  /** Starts a sampler with the flags of a stack's; `next` of it gives its report. */
  async sampler(
    settings: Omit<SamplerSettings, 'databaseUrl' | 'dataFolder'>,
    flags: readonly string[] = [],
  ): Promise<BenchProcess> {
    const whole = { databaseUrl: this.postgres.url, dataFolder: this.folder, ...settings };
    const sampler = this.node(program('./programs/sampler.ts'), whole, [...SAMPLER_FLAGS, ...flags]);
    await sampler.next();
    return sampler;
  }

  /** Samples with one process to its end. */
  async sample(
    settings: Omit<SamplerSettings, 'databaseUrl' | 'dataFolder'>,
    flags: readonly string[] = [],
  ): Promise<SamplerReport> {
    const sampler = await this.sampler(settings, flags);
    const report = await sampler.next<SamplerReport>();
    await sampler.end();
    this.#processes.delete(sampler);
    return report;
  }

  /** Starts a Node program that ends with the world at the latest. */
  node(path: string, settings: unknown, flags: readonly string[] = []): BenchProcess {
    return this.adopt(BenchProcess.node(path, settings, flags));
  }

  /** Ends a process with the world. */
  adopt(process: BenchProcess): BenchProcess {
    this.#processes.add(process);
    return process;
  }

  async end(process: BenchProcess, signal: NodeJS.Signals): Promise<void> {
    await process.stop(signal);
    this.#processes.delete(process);
  }

  /** Ends all that runs and removes the folder. */
  async stop(): Promise<void> {
    await Promise.all([...this.#processes].map((process) => this.end(process, 'SIGTERM')));
    await this.database.end();
    await this.postgres.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
