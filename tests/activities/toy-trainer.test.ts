import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readProgress } from '../../activities/m-step/progress.ts';
import { examineResult } from '../../activities/m-step/verify-checkpoint.ts';
import { loadServedModel } from '../../activities/vllm/served-model.ts';
import { eventually } from '../support/eventually.ts';
import { killProcess } from '../support/kill-process.ts';
import { tinyTraining } from '../support/tiny-training.ts';
import {
  NO_PYTHON,
  PREPARE,
  readJson,
  runOn,
  startOn,
  tinyBase,
  TOY_TRAINER,
  TRAIN,
  writeTrainingSet,
} from '../support/trainer-programs.ts';

/** The toy trainer of the load runs is held against the real one, on the same spec. */
const STEPS = 12;
const TRAINERS = { real: TRAIN, toy: TOY_TRAINER };

let folder: string;
let common: Record<string, unknown>;

const spec = (output: string): Record<string, unknown> =>
  tinyTraining({ ...common, steps: STEPS, checkpointEvery: 4, logEvery: 1, output: join(folder, output) });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-toy-trainer-'));
  if (NO_PYTHON) return;
  const { code, errors } = await runOn(PREPARE, tinyBase(folder), folder);
  if (code !== 0) throw new Error(errors);
  const documents = Array.from({ length: 8 }, (_, id) => ({ id, chunks: [{ z: [40, 41, 42], x: [50, 51 + id] }] }));
  common = { init: join(folder, 'base', 'model'), trainingSet: writeTrainingSet(join(folder, 'set'), documents) };
  for (const [name, program] of Object.entries(TRAINERS)) {
    const ended = await runOn(program, spec(name), folder);
    if (ended.code !== 0) throw new Error(ended.errors);
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const lastLine = (name: string): object =>
  JSON.parse(
    readFileSync(join(folder, name, 'progress.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .at(-1) ?? '',
  ) as object;

/** Words of a JSON object with the types of what they name. */
const shape = (object: object): string[] =>
  Object.entries(object)
    .map(([name, value]) => `${name}: ${typeof value}`)
    .sort();

test.skipIf(NO_PYTHON)('both leave a result that holds, of the same words', async () => {
  for (const name of Object.keys(TRAINERS)) {
    expect(await examineResult(join(folder, name), 'test/training')).toMatchObject({ kind: 'valid' });
  }
  expect(shape(readJson(folder, 'toy', 'DONE.json'))).toEqual(shape(readJson(folder, 'real', 'DONE.json')));
});

test.skipIf(NO_PYTHON)('both say how far they are in the same words, and end at the last step', async () => {
  expect(shape(lastLine('toy'))).toEqual(shape(lastLine('real')));
  for (const name of Object.keys(TRAINERS)) {
    expect(await readProgress(join(folder, name))).toMatchObject({ step: STEPS, steps: STEPS });
  }
});

test.skipIf(NO_PYTHON)(
  'both leave a model that can be served, with the tokens and the markers of the first',
  async () => {
    const [real, toy] = await Promise.all(
      Object.keys(TRAINERS).map((name) => loadServedModel(folder, { key: 'test/training', digest: '', folder: name })),
    );
    expect(toy?.description.markers).toEqual(real?.description.markers);
    expect(toy?.description.vocabularySize).toBe(real?.description.vocabularySize);
    expect(toy?.fingerprint.ids.map((ids) => ids.length)).toEqual(real?.fingerprint.ids.map((ids) => ids.length));
  },
);

test.skipIf(NO_PYTHON)('both go on where a killed start left off', async () => {
  for (const [name, program] of Object.entries(TRAINERS)) {
    const killed = `${name}-killed`;
    const steps = { ...spec(killed), steps: 400 };
    const first = startOn(program, steps, folder);
    await eventually(
      'a step past the first checkpoint',
      async () => ((await readProgress(join(folder, killed)))?.step ?? 0) > 5,
      60,
    );
    killProcess(first.process.pid);
    await first.ended;
    const before = (await readProgress(join(folder, killed)))?.step ?? 0;
    const second = await runOn(program, steps, folder);
    expect(second.errors, name).not.toContain('Error');
    expect(second.code, name).toBe(0);
    const lines = readFileSync(join(folder, killed, 'progress.jsonl'), 'utf8')
      .trim()
      .split('\n').length;
    expect(before).toBeLessThan(400);
    expect(lines).toBeLessThan(before + 400);
    expect(await examineResult(join(folder, killed), 'test/training')).toMatchObject({ kind: 'valid' });
  }
});
