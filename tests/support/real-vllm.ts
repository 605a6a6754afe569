import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

/** The Python environment with vLLM and transformers; tests that need it are skipped without it. */
export const PYTHON = process.env['THOUGHTLOOP_PYTHON'];

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));

/** Runs a Python program to its end and returns what it printed. */
export function python(arguments_: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(PYTHON ?? 'python3', arguments_, {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0)
    throw new Error(
      `Expected ${arguments_[0] ?? 'python'} to end with 0, got ${String(status)}: ${stderr.slice(-2000)}`,
    );
  return stdout;
}

/** Makes a tiny random Llama with a byte-level vocabulary and the markers, as the base model of a run is made. */
export async function prepareTinyModel(output: string, seed = 1): Promise<void> {
  const texts = join(output, '..', 'texts.jsonl');
  const lines = Array.from({ length: 50 }, (_, i) =>
    JSON.stringify({ text: `Add up ${i} and ${i + 1} . It ends in ${i % 7} .` }),
  );
  await writeFile(texts, `${lines.join('\n')}\n`);
  const spec = {
    kind: 'prepare',
    key: 'test/base',
    output,
    seed,
    source: {
      kind: 'random',
      hidden: 64,
      layers: 2,
      heads: 2,
      keyValueHeads: 2,
      intermediate: 170,
      contextLength: 256,
      initializerRange: 0.3,
      tieEmbeddings: true,
    },
    tokenizer: { kind: 'train-bpe', vocabularySize: 320, texts },
  };
  const file = join(output, '..', 'prepare.json');
  await writeFile(file, JSON.stringify(spec));
  python([join(DEPLOY, 'trainer/prepare.py'), '--spec', file]);
}

/** A real vLLM server, started by the project's own launcher. */
export class RealVllm {
  readonly url: string;
  readonly #launcher: ChildProcess;

  private constructor(url: string, launcher: ChildProcess) {
    this.url = url;
    this.#launcher = launcher;
  }

  /** Starts a server of `<folder>/model` in float32 and waits until it is ready, about a minute. */
  static async start(folder: string, servedName: string, options: { prefixCaching?: boolean } = {}): Promise<RealVllm> {
    const output = join(folder, 'server');
    const spec = {
      kind: 'serve',
      key: 'test/server',
      model: join(folder, 'model'),
      servedName,
      output,
      dtype: 'float32',
      maxModelLen: 256,
      kvCacheGigabytes: 1,
      prefixCaching: options.prefixCaching ?? false,
      extraArgs: [],
    };
    const file = join(folder, 'serve.json');
    await writeFile(file, JSON.stringify(spec));
    const launcher = spawn(PYTHON ?? 'python3', [join(DEPLOY, 'server/serve.py'), '--spec', file], { stdio: 'ignore' });
    const endpoint = join(output, 'endpoint.json');
    await eventually(
      'endpoint.json',
      () => {
        if (launcher.exitCode !== null)
          throw new Error(`Expected a server, found serve.py ended with ${launcher.exitCode}`);
        return existsSync(endpoint);
      },
      300,
    );
    const { url } = JSON.parse(await readFile(endpoint, 'utf8')) as { url: string };
    return new RealVllm(url, launcher);
  }

  async stop(): Promise<void> {
    if (this.#launcher.exitCode !== null) return;
    const ended = once(this.#launcher, 'exit');
    this.#launcher.kill('SIGTERM');
    await ended;
  }
}
