import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { BenchProcess } from './bench-process.ts';
import { program, type World } from './world.ts';

/** Positions of the small model. */
const CONTEXT_LENGTH = 256;
const START_MILLISECONDS = 300_000;

function pythonOfJobs(): string {
  const python = process.env['THOUGHTLOOP_PYTHON'];
  if (python === undefined) throw new Error('Expected THOUGHTLOOP_PYTHON: start this by `npm run bench`');
  return python;
}

/**
 * Makes a random Llama of 11 M parameters with the reference trainer, as the base model of a run is made: large enough that
 * two cores are busy with its matrices, as a GPU is, and not with the server's handling of requests.
 */
export function makeSmallModel(world: World): CheckpointRef {
  const folder = 'small-model';
  const texts = join(world.make('texts'), 'texts.jsonl');
  const lines = Array.from({ length: 50 }, (_, i) =>
    JSON.stringify({ text: `Add up ${i} and ${i + 1} . It ends in ${i % 7} .` }),
  );
  writeFileSync(texts, `${lines.join('\n')}\n`);
  const spec = {
    kind: 'prepare',
    key: 'bench/small',
    output: join(world.folder, folder),
    seed: 1,
    source: {
      kind: 'random',
      hidden: 384,
      layers: 6,
      heads: 6,
      keyValueHeads: 6,
      intermediate: 1_024,
      contextLength: CONTEXT_LENGTH,
      initializerRange: 0.1,
      tieEmbeddings: true,
    },
    tokenizer: { kind: 'train-bpe', vocabularySize: 320, texts },
  };
  const file = join(world.folder, 'prepare.json');
  writeFileSync(file, JSON.stringify(spec));
  const made = spawnSync(pythonOfJobs(), [program('../../deploy/trainer/prepare.py'), '--spec', file], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`Expected a small model, found: ${made.stderr.slice(-2_000)}`);
  const { key, digest } = JSON.parse(readFileSync(join(spec.output, 'DONE.json'), 'utf8')) as CheckpointRef;
  return { key, digest, folder };
}

/** Starts vLLM by the launcher of the project and waits until it is ready, about a minute. @returns its base URL */
export async function startVllm(world: World, checkpoint: CheckpointRef, servedName: string): Promise<string> {
  const output = world.make('vllm');
  const spec = {
    kind: 'serve',
    key: 'bench/server',
    model: join(world.folder, checkpoint.folder, 'model'),
    servedName,
    output,
    dtype: 'float32',
    maxModelLen: CONTEXT_LENGTH,
    kvCacheGigabytes: 1,
    prefixCaching: false,
    extraArgs: [],
  };
  mkdirSync(output, { recursive: true });
  const file = join(world.folder, 'serve.json');
  writeFileSync(file, JSON.stringify(spec));
  // The launcher's SIGTERM, which the world's end sends first, ends vLLM with it.
  const launcher = world.adopt(
    new BenchProcess(pythonOfJobs(), [program('../../deploy/server/serve.py'), '--spec', file]),
  );
  const endpoint = join(output, 'endpoint.json');
  const deadline = Date.now() + START_MILLISECONDS;
  while (!existsSync(endpoint)) {
    if (launcher.child.exitCode !== null || Date.now() > deadline) {
      await world.end(launcher, 'SIGTERM');
      throw new Error(`Expected vLLM to be ready, found exit code ${launcher.child.exitCode}`);
    }
    await sleep(250);
  }
  return (JSON.parse(readFileSync(endpoint, 'utf8')) as { url: string }).url;
}
