import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  NO_PYTHON,
  readJson,
  runOn,
  TRAIN,
  writeFacts,
  writeTrainingSet,
  type TrainingDocument,
} from '../support/trainer-programs.ts';
import { tinyTraining } from '../support/tiny-training.ts';

const DOCUMENTS: readonly TrainingDocument[] = [
  { id: 1, chunks: [{ z: [20], x: [30] }] },
  { id: 2, chunks: [{ z: [21], x: [31] }] },
];

describe.skipIf(NO_PYTHON)('a training set that cannot be trusted (set THOUGHTLOOP_PYTHON to run)', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'thoughtloop-set-'));
    writeFacts(join(folder, 'model'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function refusal(trainingSet: string, changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const output = join(folder, 'out');
    const spec = tinyTraining({ init: join(folder, 'model'), trainingSet, output, ...changes });
    const { code, errors } = await runOn(TRAIN, spec, folder);
    expect({ code, done: existsSync(join(output, 'DONE.json')) }, errors).toEqual({ code: 2, done: false });
    const { key, reason } = readJson<{ key: string; reason: string }>(output, 'FAILED.json');
    expect(key).toBe(spec['key']);
    expect(errors).toContain(reason);
    return reason;
  }

  test('a part whose digest differs is refused by name', async () => {
    const manifest = writeTrainingSet(join(folder, 'set'), DOCUMENTS);
    appendFileSync(join(folder, 'set', 'part-1.jsonl.zst'), 'x');
    expect(await refusal(manifest)).toMatch(/part-1\.jsonl\.zst to have sha256 .* is damaged/);
  });

  test('a missing part is refused', async () => {
    const manifest = writeTrainingSet(join(folder, 'set'), DOCUMENTS);
    rmSync(join(folder, 'set', 'part-0.jsonl.zst'));
    expect(await refusal(manifest)).toMatch(/readable part .*part-0\.jsonl\.zst/);
  });

  test('a set made with another vocabulary is refused', async () => {
    expect(await refusal(writeTrainingSet(join(folder, 'set'), DOCUMENTS, { vocabulary: 95 }))).toMatch(
      /`vocabulary`: 94.*found 95/,
    );
  });

  test('an id outside of the vocabulary is refused with its line', async () => {
    const bad = [...DOCUMENTS, { id: 3, chunks: [{ x: [94] }] }];
    expect(await refusal(writeTrainingSet(join(folder, 'set'), bad))).toMatch(
      /0 to 93.*found.*94 in line 1 of .*part-1/,
    );
  });

  test('a line without chunks is refused', async () => {
    const bad = [{ id: 3 } as unknown as TrainingDocument];
    expect(await refusal(writeTrainingSet(join(folder, 'set'), bad))).toMatch(/chunks.* in line 1 of .*part-0/);
  });

  test('a spec with a misspelt or missing field is refused by the name of the field', async () => {
    const manifest = writeTrainingSet(join(folder, 'set'), DOCUMENTS);
    expect(await refusal(manifest, { stepz: 3 })).toMatch(/also holds stepz/);
    expect(await refusal(manifest, { batch: undefined })).toMatch(/`spec\.batch`.*missing/);
    expect(await refusal(manifest, { tokens: 10 })).toMatch(/exactly one of `spec\.steps` and `spec\.tokens`/);
  });
});
