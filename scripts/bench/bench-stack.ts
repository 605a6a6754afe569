import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { ensureStack } from '../stack/ensure-stack.ts';
import { stopStack } from '../stack/stop-stack.ts';
import { writeBenchModel } from './bench-model.ts';
import { program } from './world.ts';

/** The whole stack in a folder of its own: Temporal, PostgreSQL and workers, with the quick server in vLLM's place. */
export interface BenchStack {
  readonly dataFolder: string;
  readonly database: Database;
  readonly databaseUrl: string;
  /** `host:port` of Temporal, namespace `default`. */
  readonly temporal: string;
  /** Process ids by name: `temporal`, `control`, `sampler-1`, … */
  readonly processes: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** @param latencyMs time an answer of a server takes */
export async function startBenchStack(latencyMs: number): Promise<BenchStack> {
  const python = process.env['THOUGHTLOOP_PYTHON'];
  if (python === undefined) throw new Error('Expected THOUGHTLOOP_PYTHON: start this by `npm run bench`');
  const dataFolder = mkdtempSync(join(tmpdir(), 'thoughtloop-bench-'));
  chmodSync(dataFolder, 0o755);
  writeBenchModel(dataFolder);
  const launcher = join(dataFolder, 'launcher');
  writeFileSync(launcher, `#!/bin/sh\nexec ${process.execPath} ${program('./programs/quick-launcher.ts')} "$@"\n`);
  chmodSync(launcher, 0o755);
  // Servers of the person's own are not to be measured.
  for (const name of Object.keys(process.env)) {
    if (name === 'DATABASE_URL' || name.startsWith('TEMPORAL_')) delete process.env[name];
  }
  // Where the environment's `temporal` is.
  process.env['PATH'] = [dirname(python), process.env['PATH']].join(delimiter);
  process.env['THOUGHTLOOP_SERVER'] = launcher;
  process.env['BENCH_LATENCY'] = String(latencyMs);
  const { databaseUrl, temporal, processes } = await ensureStack({ dataFolder });
  if (databaseUrl === undefined || temporal === undefined) throw new Error('Expected a stack of its own, found none');
  const database = openDatabase(databaseUrl, 4);
  return {
    dataFolder,
    database,
    databaseUrl,
    temporal: temporal.address,
    processes: new Map(processes.map(({ name, pid }) => [name, pid])),
    stop: async () => {
      await database.end();
      await stopStack({ dataFolder });
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}
