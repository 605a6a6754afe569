/**
 * A trainer for load tests: `node toy-trainer.ts --spec FILE`. It keeps the contract of deploy/trainer/train.py (spec in;
 * progress.jsonl, model folder, fingerprint.json, DONE.json out; one process at a time for an output; goes on from its
 * newest step when it is started again) and makes toy models (toy-model.ts) with the tokenizer of `init`.
 *
 * The weights are a function of the spec's seed alone, not of the training set: runs whose faults changed what was
 * selected still sample from equal models, so that their thoughts can be compared.
 *
 * <output>/journal has a line for all that its processes do, in the order in which they do it: `start PID`, `step PID`,
 * `stop PID` (asked to), `end PID` (with the result), and `met PID` of one that found another at work and gave way.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelDescription } from '../../activities/vllm/model-folder.ts';
import { ToyLanguageModel, uniforms, type ToySettings } from './toy-language-model.ts';

const STEP_MILLISECONDS = 50;

interface Spec {
  readonly key: string;
  readonly init: string;
  readonly output: string;
  readonly seed: number;
  readonly steps: number;
}

const [flag, file = ''] = process.argv.slice(2);
if (flag !== '--spec') throw new Error(`Expected --spec FILE, got ${process.argv.slice(2).join(' ')}`);
const { key, init, output, seed, steps } = JSON.parse(readFileSync(file, 'utf8')) as Spec;
mkdirSync(join(output, 'model'), { recursive: true });

type Word = 'start' | 'step' | 'stop' | 'end' | 'met';

const mark = (word: Word): void => appendFileSync(join(output, 'journal'), `${word} ${process.pid}\n`);

/** Whether an earlier start of this output still runs; one that was killed has no end of its own. */
function isRunning(): boolean {
  if (!existsSync(join(output, 'journal'))) return false;
  const lines = readFileSync(join(output, 'journal'), 'utf8').trim().split('\n');
  const ended = new Set(
    lines.flatMap((line) => (/^(?:stop|end) /.test(line) ? [line.slice(line.indexOf(' ') + 1)] : [])),
  );
  return lines.some((line) => {
    const pid = line.slice(6);
    if (!line.startsWith('start ') || ended.has(pid) || pid === String(process.pid)) return false;
    const command = `/proc/${pid}/cmdline`;
    return existsSync(command) && readFileSync(command, 'utf8').includes(file);
  });
}

function progressed(): number {
  const path = join(output, 'progress.jsonl');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  return lines.reduce((step, line) => {
    try {
      return (JSON.parse(line) as { step: number }).step;
    } catch {
      // The end of the file, or a line that a kill cut off.
      return step;
    }
  }, 0);
}

function write(name: string, content: unknown): void {
  const path = join(output, name);
  writeFileSync(`${path}.tmp`, JSON.stringify(content));
  renameSync(`${path}.tmp`, path);
}

async function train(): Promise<void> {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGUSR2'] as const) process.once(signal, () => (stopping = true));
  for (let step = progressed() + 1; step <= steps; step += 1) {
    if (stopping) {
      mark('stop');
      process.exit(75);
    }
    await sleep(STEP_MILLISECONDS);
    mark('step');
    const line = { step, steps, loss: 1 / step, learningRate: 1e-3, tokens: step, truncated: 0, tokensPerSecond: 20 };
    appendFileSync(join(output, 'progress.jsonl'), `${JSON.stringify({ ...line, at: new Date().toISOString() })}\n`);
  }
}

function finish(): void {
  const facts = JSON.parse(readFileSync(join(init, 'thoughtloop.json'), 'utf8')) as ModelDescription;
  const { vocabularySize, markers } = facts;
  const toy: ToySettings = { vocabularySize, seed, favoured: markers.endOfLatent, favour: 6 };
  const language = new ToyLanguageModel(toy);
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'thoughtloop.json']) {
    copyFileSync(join(init, name), join(output, 'model', name));
  }
  const ids = [16, 24, 32].map((length) => {
    const draw = uniforms(`fingerprint/${length}`);
    return [facts.beginning, ...Array.from({ length: length - 1 }, () => Math.floor(draw() * vocabularySize))];
  });
  write('model/toy.json', toy);
  write('fingerprint.json', { ids, logprobs: ids.map((row) => language.score(row, 1)), dtype: 'float32' });
  const names = ['tokenizer.json', 'tokenizer_config.json', 'thoughtloop.json', 'toy.json'].map(
    (name) => `model/${name}`,
  );
  const files = Object.fromEntries(
    [...names, 'fingerprint.json'].sort().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(output, name)))
        .digest('hex'),
    ]),
  );
  const digest = createHash('sha256');
  for (const [name, sha256] of Object.entries(files)) digest.update(`${name} ${sha256}\n`);
  const training = { steps, tokens: steps, loss: 1 / steps, truncated: 0, seconds: (steps * STEP_MILLISECONDS) / 1000 };
  write('DONE.json', { key, ...training, files, digest: digest.digest('hex') });
}

if (isRunning()) {
  mark('met');
  process.exit(75);
}
mark('start');
await train();
finish();
mark('end');
