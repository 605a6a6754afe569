import { homedir } from 'node:os';
import { join } from 'node:path';
import { findPython } from '../../setup/find-python.mjs';
import { sharedEnvironment } from '../../setup/shared-environment.mjs';
import { BenchProcess } from '../bench-process.ts';
import { program, type World } from '../world.ts';

export interface DatatroveSettings {
  readonly url: string;
  /** File with one body a line. */
  readonly bodies: string;
  readonly requests: number;
  readonly concurrency: number;
  /** New folder for its checkpoints and outputs. */
  readonly folder: string;
}

/** Python with datatrove's pinned release, installed at the first call. */
export async function datatrovePython(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'thoughtloop');
  const python = await sharedEnvironment({
    cache,
    kind: 'peer',
    what: 'datatrove and what it needs',
    gigabytes: 1,
    requirements: [{ file: program('./peer/requirements.txt'), flags: [] }],
    python: await findPython(),
    intent: 'install',
  });
  if (python === undefined) throw new Error(`Expected datatrove to be installed in ${cache}, found nothing`);
  return python;
}

/** Runs datatrove's InferenceRunner with checkpointing. */
export async function runDatatrove(
  world: World,
  python: string,
  settings: DatatroveSettings,
): Promise<{ readonly requests: number; readonly seconds: number; readonly cpu: number }> {
  const peer = world.adopt(new BenchProcess(python, [program('./peer/run_datatrove.py'), JSON.stringify(settings)]));
  const report = await peer.next<{ requests: number; seconds: number; cpu: number }>();
  await world.end(peer, 'SIGTERM');
  if (report.requests !== settings.requests) {
    throw new Error(`Expected datatrove to make ${settings.requests} requests, found ${report.requests}`);
  }
  return report;
}
