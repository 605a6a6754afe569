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

/** Trainings of a minute each on a busy machine, milliseconds. */
const FIVE_TRAININGS = 5 * 60_000;

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

  const newestOf = (name: string): number =>
    Math.max(...checkpointsOf(name).map((entry) => Number(entry.split('-')[1])));

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
    const { process: trainer, ended } = startOn(TRAIN, specOf(name, changes), folder);
    let over = false;
    void ended.then(() => (over = true));
    await eventually(
      `step ${step} of ${name}`,
      () => over || (existsSync(join(folder, name, 'progress.jsonl')) && (progressOf(name).at(-1) ?? 0) >= step),
      90,
    );
    trainer.kill(signal);
    return ended;
  }

  /** Steps of the whole lines that are there while the program writes. */
  const progressOf = (name: string): number[] =>
    readFileSync(join(folder, name, 'progress.jsonl'), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as Line).step);

  // Enough steps that a signal at a third of them comes well before the end.
  const LONG = { steps: 200, checkpointEvery: 25, logEvery: 7, checkpointsKept: 2 };
  const PACKED = { ...LONG, layout: 'document', packing: true, microBatch: 2 };

  test(
    'killed, asked to stop, warned: however it is stopped it ends with the same losses and the same weights',
    { timeout: FIVE_TRAININGS },
    async () => {
      await train('whole', LONG);

      await stopAt(60, 'SIGKILL', 'stopped', LONG);
      expect(existsSync(join(folder, 'stopped', 'DONE.json'))).toBe(false);
      const killedAt = newestOf('stopped');

      // What a kill leaves of a checkpoint that is being written: no marker, or a file shorter than the marker says.
      const checkpoints = join(folder, 'stopped', 'checkpoints');
      for (const cut of ['checkpoint-198', 'checkpoint-199'])
        cpSync(join(checkpoints, `checkpoint-${killedAt}`), join(checkpoints, cut), { recursive: true });
      rmSync(join(checkpoints, 'checkpoint-198', 'COMPLETE.json'));
      writeFileSync(join(checkpoints, 'checkpoint-199', 'optimizer.pt'), 'short');

      for (const [signal, step] of [['SIGTERM', 100] as const, ['SIGUSR2', 140] as const]) {
        const { code, errors } = await stopAt(step, signal, 'stopped', LONG);
        expect(code, errors).toBe(REQUEUE);
        expect(newestOf('stopped')).toBeGreaterThanOrEqual(step);
        expect(newestOf('stopped')).toBeLessThan(LONG.steps);
        expect(checkpointsOf('stopped')).toHaveLength(LONG.checkpointsKept);
      }

      await train('stopped', LONG);
      expect(linesOf('stopped')).toEqual(linesOf('whole'));
      expect(doneOf('stopped')).toEqual(doneOf('whole'));
      expect(checkpointsOf('stopped')).toEqual([]);
    },
  );

  test('the same holds for packed rows in the layout of whole documents, in micro-batches', async () => {
    await train('packed-whole', PACKED);
    await stopAt(80, 'SIGKILL', 'packed', PACKED);
    expect(existsSync(join(folder, 'packed', 'DONE.json'))).toBe(false);
    await train('packed', PACKED);
    expect(linesOf('packed')).toEqual(linesOf('packed-whole'));
    expect(doneOf('packed')).toEqual(doneOf('packed-whole'));
  });

  test('what is done is not done again, is not taken for another job, and is made again when damaged', async () => {
    const file = join(folder, 'whole', 'DONE.json');
    const before = readFileSync(file, 'utf8');
    const done = doneOf('whole');
    await train('whole', LONG);
    expect(readFileSync(file, 'utf8')).toBe(before);

    const other = await runOn(TRAIN, specOf('whole', { ...LONG, key: 'test/other' }), folder);
    expect(other.code).toBe(2);
    expect(other.errors).toMatch(/belongs to key `test\/other`, found DONE\.json of key `test\/training`/);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(existsSync(join(folder, 'whole', 'FAILED.json'))).toBe(false);

    writeFileSync(join(folder, 'whole', 'model', 'config.json'), '{}');
    await train('whole', LONG);
    expect(doneOf('whole')).toEqual(done);
  });

  test('two trainings do not write to one folder', async () => {
    const long = { ...LONG, steps: 100_000 };
    const first = startOn(TRAIN, specOf('busy', long), folder);
    await eventually('the training runs', () => existsSync(join(folder, 'busy', 'progress.jsonl')), 90);
    const second = await runOn(TRAIN, specOf('busy', long), folder);
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
