import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { tinyTraining } from '../support/tiny-training.ts';
import {
  NO_PYTHON,
  PREPARE,
  readJson,
  runOn,
  startOn,
  tinyBase,
  TRAIN,
  writeTrainingSet,
  type ModelFacts,
  type Started,
} from '../support/trainer-programs.ts';

interface Line {
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly tokens: number;
  readonly truncated: number;
}

interface Done {
  readonly key: string;
  readonly steps: number;
  readonly tokens: number;
  readonly loss: number;
  readonly truncated: number;
  readonly files: Readonly<Record<string, string>>;
  readonly digest: string;
}

const REQUEUE = 75;

describe.skipIf(NO_PYTHON)('a training that is stopped and started again (set THOUGHTLOOP_PYTHON to run)', () => {
  let folder: string;
  let common: Readonly<Record<string, unknown>>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'thoughtloop-resume-'));
    const { code, errors } = await runOn(PREPARE, tinyBase(folder), folder);
    expect(code, errors).toBe(0);
    const init = join(folder, 'base', 'model');
    const { vocabularySize } = readJson<ModelFacts>(init, 'thoughtloop.json');
    const documents = Array.from({ length: 50 }, (_, id) => {
      const ids = [1, 2, 3, 4, 5, 6].map((n) => 2 + ((id * 7 + n * n) % (vocabularySize - 10)));
      return {
        id,
        context: ids.slice(0, 2),
        chunks: [
          { z: ids.slice(2, 4), x: ids.slice(4) },
          { z: ids, x: [ids[0] ?? 0] },
        ],
      };
    });
    common = { init, trainingSet: writeTrainingSet(join(folder, 'set'), documents) };
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const specOf = (name: string, changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> =>
    tinyTraining({ ...common, output: join(folder, name), ...changes });

  const linesOf = (name: string): Line[] =>
    readFileSync(join(folder, name, 'progress.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
      .map(({ step, loss, learningRate, tokens, truncated }) => ({ step, loss, learningRate, tokens, truncated }));

  const doneOf = (name: string): Done => {
    const { key, steps, tokens, loss, truncated, files, digest } = readJson<Done>(folder, name, 'DONE.json');
    return { key, steps, tokens, loss, truncated, files, digest };
  };

  const checkpointsOf = (name: string): string[] =>
    existsSync(join(folder, name, 'checkpoints')) ? readdirSync(join(folder, name, 'checkpoints')).sort() : [];

  async function train(name: string, changes: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { code, errors } = await runOn(TRAIN, specOf(name, changes), folder);
    expect(code, errors).toBe(0);
  }

  /** Starts a training and sends `signal` once it has reached `step`. */
  async function stopAt(
    step: number,
    signal: NodeJS.Signals,
    name: string,
    changes: Readonly<Record<string, unknown>> = {},
  ): Promise<Awaited<Started['ended']>> {
    const { process, ended } = startOn(TRAIN, specOf(name, changes), folder);
    let over = false;
    void ended.then(() => (over = true));
    await eventually(
      `step ${step} of ${name}`,
      () => over || (existsSync(join(folder, name, 'progress.jsonl')) && (progressOf(name).at(-1) ?? 0) >= step),
      90,
    );
    process.kill(signal);
    return ended;
  }

  /** Steps of the whole lines that are there while the program writes. */
  const progressOf = (name: string): number[] =>
    readFileSync(join(folder, name, 'progress.jsonl'), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as Line).step);

  // Enough steps that a kill at a third comes well before the end.
  const LONG = { steps: 300, checkpointEvery: 40, logEvery: 7 };

  test.each([
    ['one-chunk', { ...LONG, layout: 'chunk', packing: false }],
    ['packed-documents', { ...LONG, layout: 'document', packing: true }],
    [
      'token-budget',
      { ...LONG, steps: undefined, tokens: 36_000, layout: 'document', packing: false, sequenceLength: 24 },
    ],
    ['micro-batches', { ...LONG, microBatch: 2, batch: 6 }],
  ])('killed at any step it ends with the same losses and the same weights: %s', async (name, changes) => {
    await train(`${name}-whole`, changes);
    await stopAt(100, 'SIGKILL', name, changes);
    expect(existsSync(join(folder, name, 'DONE.json'))).toBe(false);
    expect(checkpointsOf(name)).not.toEqual([]);
    await train(name, changes);
    expect(linesOf(name)).toEqual(linesOf(`${name}-whole`));
    expect(doneOf(name)).toEqual(doneOf(`${name}-whole`));
    expect(checkpointsOf(name)).toEqual([]);
  });

  test.each(['SIGTERM', 'SIGUSR2'] as const)(
    '%s saves where it stands and asks to be started again',
    async (signal) => {
      const changes = { ...LONG, checkpointEvery: 1000 };
      const { code, errors } = await stopAt(50, signal, signal, changes);
      expect(code, errors).toBe(REQUEUE);
      const [checkpoint, ...others] = checkpointsOf(signal);
      expect(others).toEqual([]);
      const step = Number(checkpoint?.split('-')[1]);
      expect(step).toBeGreaterThanOrEqual(50);
      expect(step).toBeLessThan(300);
      await train(signal, changes);
      await train(`${signal}-whole`, changes);
      expect(linesOf(signal)).toEqual(linesOf(`${signal}-whole`));
      expect(doneOf(signal)).toEqual(doneOf(`${signal}-whole`));
    },
  );

  test('a checkpoint that was cut off while it was written is ignored and removed', async () => {
    const changes = { ...LONG, checkpointsKept: 2 };
    await stopAt(100, 'SIGKILL', 'cut', changes);
    const checkpoints = join(folder, 'cut', 'checkpoints');
    const steps = checkpointsOf('cut').map((name) => Number(name.split('-')[1]));
    const newest = Math.max(...steps);
    // One with no marker, as a kill leaves it; and one whose file is shorter than its marker says.
    cpSync(join(checkpoints, `checkpoint-${newest}`), join(checkpoints, 'checkpoint-299'), { recursive: true });
    rmSync(join(checkpoints, 'checkpoint-299', 'COMPLETE.json'));
    cpSync(join(checkpoints, `checkpoint-${newest}`), join(checkpoints, 'checkpoint-298'), { recursive: true });
    writeFileSync(join(checkpoints, 'checkpoint-298', 'optimizer.pt'), 'short');
    await train('cut', changes);
    await train('cut-whole', changes);
    expect(linesOf('cut')).toEqual(linesOf('cut-whole'));
    expect(doneOf('cut')).toEqual(doneOf('cut-whole'));
  });

  test('what is done is not done again, and is not taken for another job', async () => {
    await train('done');
    const before = readFileSync(join(folder, 'done', 'DONE.json'), 'utf8');
    await train('done');
    expect(readFileSync(join(folder, 'done', 'DONE.json'), 'utf8')).toBe(before);
    const other = await runOn(TRAIN, specOf('done', { key: 'test/other' }), folder);
    expect(other.code).toBe(2);
    expect(other.errors).toMatch(/belongs to key `test\/other`, found DONE\.json of key `test\/training`/);
    expect(readFileSync(join(folder, 'done', 'DONE.json'), 'utf8')).toBe(before);
    expect(existsSync(join(folder, 'done', 'FAILED.json'))).toBe(false);
  });

  test('a result that was damaged afterwards is made again', async () => {
    await train('damaged');
    const done = doneOf('damaged');
    writeFileSync(join(folder, 'damaged', 'model', 'config.json'), '{}');
    await train('damaged');
    expect(doneOf('damaged')).toEqual(done);
  });

  test('two trainings do not write to one folder', async () => {
    const first = startOn(TRAIN, specOf('busy', { ...LONG, steps: 3000 }), folder);
    await eventually('the training runs', () => existsSync(join(folder, 'busy', 'progress.jsonl')), 90);
    const second = await runOn(TRAIN, specOf('busy', { ...LONG, steps: 3000 }), folder);
    first.process.kill('SIGTERM');
    expect(second.code).toBe(REQUEUE);
    expect(second.errors).toMatch(/Another training writes to/);
    expect((await first.ended).code).toBe(REQUEUE);
  });

  test('the model it leaves is servable and carries its tokenizer unchanged', async () => {
    await train('model', { precision: 'bfloat16' });
    const base = join(folder, 'base', 'model');
    const model = join(folder, 'model', 'model');
    for (const file of ['tokenizer.json', 'tokenizer_config.json', 'thoughtloop.json'])
      expect(readFileSync(join(model, file), 'utf8')).toBe(readFileSync(join(base, file), 'utf8'));
    expect(readJson<{ dtype: string }>(model, 'config.json').dtype).toBe('bfloat16');
    const fingerprint = readJson<{ ids: number[][]; logprobs: number[][]; dtype: string }>(
      folder,
      'model',
      'fingerprint.json',
    );
    expect(fingerprint.dtype).toBe('bfloat16');
    expect(fingerprint.logprobs.map(({ length }) => length)).toEqual(fingerprint.ids.map(({ length }) => length - 1));
    expect(fingerprint.logprobs.flat().every((value) => value < 0)).toBe(true);
    const generation = readJson<Record<string, unknown>>(model, 'generation_config.json');
    for (const name of ['temperature', 'top_p', 'top_k']) expect(generation).not.toHaveProperty(name);
    expect(Object.keys(doneOf('model').files).sort()).toEqual(
      ['fingerprint.json', ...readdirSync(model).map((file) => `model/${file}`)].sort(),
    );
  });
});
