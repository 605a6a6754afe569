import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { importFile } from '../../activities/corpus/import.ts';
import { writeTokenizerTexts } from '../../activities/corpus/tokenizer-texts.ts';
import { finishEStep } from '../../activities/e-step/finish-e-step.ts';
import { planEStep } from '../../activities/e-step/plan-e-step.ts';
import { resample } from '../../activities/e-step/resample.ts';
import {
  buildTrainingSet,
  buildTrainingSetInRanges,
  writeTrainingRange,
} from '../../activities/m-step/training-set.ts';
import type { Manifest } from '../../activities/m-step/training-set-files.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { findTrainingSet } from '../../activities/store/training-sets.ts';
import type { BuildTrainingSetInput, TrainingSource } from '../../workflows/contract/activities.ts';
import type { DocumentRange, TrainingSetRef } from '../../workflows/contract/references.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { insertRun } from '../support/run-row.ts';
import { finishShards, insertChunk, type SampledChunk } from '../support/sampled-e-step.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';
import { TOY, writeToyModel } from '../support/toy-model.ts';

const BUILDER = fileURLToPath(new URL('../support/build-training-set.ts', import.meta.url));
const PYTHON_PATH = ['trainer', 'python']
  .map((folder) => fileURLToPath(new URL(`../../deploy/${folder}`, import.meta.url)))
  .join(':');

/** Ids of the toy model's letters. */
const [a, b, c, d, space] = [7, 8, 9, 10, 11];

let store: TestDatabase;
let database: Database;
let root: string;
let dataFolder: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'thoughtloop-set-'));
});

beforeEach(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
  dataFolder = mkdtempSync(join(root, 'data-'));
  await writeToyModel(join(dataFolder, 'base'));
  await insertCorpus('teacher', [
    { context: 'ab', chunks: [{ text: 'a', thought: 'c d' }, { text: ' b' }] },
    { chunks: [{ text: 'c', thought: 'a' }] },
  ]);
  await insertCorpus('em', [{ text: 'ab', context: 'cd' }, { text: 'cab' }, { text: 'd' }, { text: 'aa' }]);
  await insertRun(database, 'r');
  return async () => {
    await database.end();
    await store.drop();
  };
});

afterAll(() => rmSync(root, { recursive: true }));

async function insertCorpus(split: string, rows: readonly object[]): Promise<void> {
  const file = join(root, 'corpus.jsonl');
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'));
  await importFile(database, { file, corpus: 'c', split });
}

function input(
  split: string,
  source: TrainingSource,
  changes: Partial<BuildTrainingSetInput> = {},
): BuildTrainingSetInput {
  return {
    place: { run: 'r', arm: 'latent', iteration: 1 },
    corpus: { name: 'c', split },
    segmentation: { kind: 'whole' },
    source,
    checkpoint: { key: 'r/base/g0', digest: 'd', folder: 'base' },
    ...changes,
  };
}

const build = (asked: BuildTrainingSetInput, folder = dataFolder): Promise<TrainingSetRef> =>
  buildTrainingSet({ database, dataFolder: folder }, asked);

function manifestOf({ folder }: TrainingSetRef, data = dataFolder): Manifest {
  return JSON.parse(readFileSync(join(data, folder, 'manifest.json'), 'utf8')) as Manifest;
}

/** Digests of a set's files by name. */
const filesOf = ({ folder }: TrainingSetRef): unknown =>
  readdirSync(join(dataFolder, folder))
    .sort()
    .map((name) => [name, sha256(join(dataFolder, folder, name))]);

function documentsOf(set: TrainingSetRef, data = dataFolder): unknown[] {
  return manifestOf(set, data).parts.flatMap(({ file }) =>
    zstdDecompressSync(readFileSync(join(data, set.folder, file)))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  );
}

/** Letters of the toy model that hardly compress. */
const letters = (n: number): string =>
  createHash('sha512')
    .update(`${n}`)
    .digest('hex')
    .replace(/./g, (digit) => 'abcd'.charAt(parseInt(digit, 16) % 4));

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

const good = (selected: number): SampledChunk => ({
  selected,
  candidates: [
    { ids: [a], logQ: -2, logP: null },
    { ids: [b, b], logQ: -2, logP: -3 },
    { ids: [], logQ: -1, logP: -4 },
  ],
});

async function sampledEStep(): Promise<number> {
  const { seed, fidelity, eStep } = tinyRecipe();
  const settings = { ...eStep, samples: 3 };
  const { place, corpus, segmentation, checkpoint } = input('em', { kind: 'raw' });
  const ref = await planEStep(database, { place, corpus, segmentation, checkpoint, seed, fidelity, settings });
  const chunks = [good(1), { rejection: 'unfinished' }, good(2), good(1)];
  for (const [document, chunk] of chunks.entries()) await insertChunk(database, ref.eStep, document, 0, chunk);
  await finishShards(database, ref.eStep);
  await finishEStep(database, { eStep: ref.eStep, settings });
  return ref.eStep;
}

describe('a training set', () => {
  test('of the teacher has its thoughts as z, none where it gave none, and what the trainer checks', async () => {
    const set = await build(input('teacher', { kind: 'teacher' }));
    expect(documentsOf(set)).toEqual([
      { id: 0, context: [a, b], chunks: [{ z: [c, space, d], x: [a] }, { x: [space, b] }] },
      { id: 1, chunks: [{ z: [a], x: [c] }] },
    ]);
    const manifest = manifestOf(set);
    const file = join(dataFolder, set.folder, 'part-00000.jsonl.zst');
    expect(manifest).toEqual({
      parts: [{ file: 'part-00000.jsonl.zst', sha256: sha256(file), documents: 2, tokens: 10 }],
      vocabulary: 12,
      markers: TOY.markers,
      source: {
        kind: 'teacher',
        corpus: 'c',
        split: 'teacher',
        segmentation: expect.any(String) as string,
        tokenizer: sha256(join(dataFolder, 'base/model/tokenizer.json')),
      },
      documents: 2,
      chunks: 3,
      tokens: 10,
      rawTokens: 6,
      leftOut: 0,
    });
    expect(set).toEqual({
      folder: 'runs/r/i1/train',
      digest: sha256(join(dataFolder, set.folder, 'manifest.json')),
      documents: 2,
      chunks: 3,
      tokens: 10,
      rawTokens: 6,
    });
    expect(await findTrainingSet(database, input('', { kind: 'raw' }).place)).toEqual(set);
  });

  test('of an E-step has the selected thoughts, an empty one too; a rejected chunk stays as raw text', async () => {
    const eStep = await sampledEStep();
    const set = await build(input('em', { kind: 'thoughts', eStep, samples: 3, seed: 0 }));
    expect(documentsOf(set)).toEqual([
      { id: 0, context: [c, d], chunks: [{ z: [b, b], x: [a, b] }] },
      { id: 1, chunks: [{ x: [c, a, b] }] },
      { id: 2, chunks: [{ z: [], x: [d] }] },
      { id: 3, chunks: [{ z: [b, b], x: [a, a] }] },
    ]);
    expect(set).toMatchObject({ documents: 4, chunks: 4, tokens: 14, rawTokens: 10 });
  });

  test('of fewer candidates chooses anew among the first of them, as the E-step would have', async () => {
    const eStep = await sampledEStep();
    const arm = (samples: number): BuildTrainingSetInput =>
      input(
        'em',
        { kind: 'thoughts', eStep, samples, seed: 5 },
        { place: { run: 'r', arm: `k${samples}`, iteration: 1 } },
      );
    const two = await build(arm(2));
    expect(two.folder).toBe('runs/r/arms/k2/i1/train');
    expect(documentsOf(two)).toMatchObject([0, 1, 2, 3].map((id) => ({ id, chunks: [id === 1 ? {} : { z: [b, b] }] })));
    // The first candidate alone is not eligible anywhere.
    expect(documentsOf(await build(arm(1))).every((row) => !JSON.stringify(row).includes('"z"'))).toBe(true);
    await expect(build(arm(4))).rejects.toMatchObject({ type: 'RecipeInvalid' });
    const scores = [null, { logQ: -2, logP: -3 }, { logQ: -1, logP: -4 }];
    const place = { seed: 5, iteration: 1, document: 0, chunk: 0 };
    expect(resample(scores.slice(0, 2), place)).toBe(1);
  });

  test('of raw text has no thoughts, and as many raw tokens as one with them', async () => {
    const set = await build(input('em', { kind: 'raw' }));
    expect(documentsOf(set)[0]).toEqual({ id: 0, context: [c, d], chunks: [{ x: [a, b] }] });
    expect(set).toMatchObject({ tokens: 10, rawTokens: 10 });
  });

  test('leaves out and counts documents that only special tokens could express', async () => {
    // A tokenizer whose letter `b` is itself a special token.
    const file = join(dataFolder, 'base/model/tokenizer.json');
    const tokenizer = JSON.parse(readFileSync(file, 'utf8')) as { added_tokens: object[] };
    tokenizer.added_tokens.push({ ...tokenizer.added_tokens[0], id: b, content: 'b' });
    writeFileSync(file, JSON.stringify(tokenizer));
    const set = await build(input('em', { kind: 'raw' }));
    expect(documentsOf(set)).toEqual([
      { id: 2, chunks: [{ x: [d] }] },
      { id: 3, chunks: [{ x: [a, a] }] },
    ]);
    expect(manifestOf(set).leftOut).toBe(2);
  });

  test('is refused without a teacher’s thoughts, without the split, without the tokenizer, of another E-step', async () => {
    await expect(build(input('em', { kind: 'teacher' }))).rejects.toMatchObject({ type: 'CorpusInvalid' });
    await expect(build(input('none', { kind: 'raw' }))).rejects.toMatchObject({ type: 'CorpusInvalid' });
    const checkpoint = { key: 'k', digest: 'd', folder: 'nowhere' };
    await expect(build(input('em', { kind: 'raw' }, { checkpoint }))).rejects.toMatchObject({
      type: 'CheckpointInvalid',
    });
    const eStep = await sampledEStep();
    const source = { kind: 'thoughts', eStep, samples: 3, seed: 0 } as const;
    await expect(build(input('teacher', source))).rejects.toMatchObject({ type: 'RecipeInvalid' });
    expect(existsSync(join(dataFolder, 'runs'))).toBe(false);
  });
});

describe('a set that is there', () => {
  test('is returned as it is; its files are not touched', async () => {
    const asked = input('em', { kind: 'raw' });
    const set = await build(asked);
    const part = join(dataFolder, set.folder, 'part-00000.jsonl.zst');
    const { rows: before } = await database.query('select * from training_sets');
    expect(await build(asked)).toEqual(set);
    expect(readdirSync(join(dataFolder, set.folder)).sort()).toEqual(['manifest.json', 'part-00000.jsonl.zst']);
    expect((await database.query('select * from training_sets')).rows).toEqual(before);
    expect(sha256(part)).toBe(manifestOf(set).parts[0]?.sha256);
  });

  test.each<[string, (folder: string) => void]>([
    ['a part is cut off', (folder) => truncateSync(join(folder, 'part-00000.jsonl.zst'), 10)],
    ['a part is missing', (folder) => rmSync(join(folder, 'part-00000.jsonl.zst'))],
    ['the manifest is missing', (folder) => rmSync(join(folder, 'manifest.json'))],
    ['the manifest is no JSON', (folder) => writeFileSync(join(folder, 'manifest.json'), '{')],
    ['the folder is gone', (folder) => rmSync(folder, { recursive: true })],
  ])('is written again with the same bytes where %s', async (_, harm) => {
    const asked = input('em', { kind: 'raw' });
    const set = await build(asked);
    const documents = documentsOf(set);
    harm(join(dataFolder, set.folder));
    expect(await build(asked)).toEqual(set);
    expect(documentsOf(set)).toEqual(documents);
  });

  test('but which the store does not know, is taken where it is the very set that would be written', async () => {
    const asked = input('em', { kind: 'raw' });
    const set = await build(asked);
    const part = join(dataFolder, set.folder, 'part-00000.jsonl.zst');
    const { ino } = statSync(part);
    await database.query('delete from training_sets');
    expect(await build(asked)).toEqual(set);
    expect(await findTrainingSet(database, asked.place)).toEqual(set);
    expect(statSync(part).ino).toBe(ino);
  });

  test('but which the store does not know and would not write, is never written over', async () => {
    const eStep = await sampledEStep();
    const asked = input('em', { kind: 'thoughts', eStep, samples: 3, seed: 0 });
    const set = await build(asked);
    await database.query('delete from training_sets');
    const files = filesOf(set);
    // A store that was restored has sampled other thoughts.
    await database.query(`update thoughts set token_ids = '{10}' where selected`);
    await expect(build(asked)).rejects.toMatchObject({
      type: 'TrainingSetInvalid',
      message: expect.stringContaining(`in ${set.folder}, found one with digest ${set.digest}`) as string,
    });
    await expect(build(input('teacher', { kind: 'teacher' }))).rejects.toMatchObject({ type: 'RecipeInvalid' });
    expect(filesOf(set)).toEqual(files);
    expect(await findTrainingSet(database, asked.place)).toBeNull();
  });

  test('and is damaged is left as it is where it would not come out the same', async () => {
    const eStep = await sampledEStep();
    const asked = input('em', { kind: 'thoughts', eStep, samples: 3, seed: 0 });
    const set = await build(asked);
    truncateSync(join(dataFolder, set.folder, 'part-00000.jsonl.zst'), 10);
    const files = filesOf(set);
    await database.query(`update thoughts set token_ids = '{10}' where selected`);
    await expect(build(asked)).rejects.toMatchObject({ type: 'TrainingSetInvalid' });
    expect(filesOf(set)).toEqual(files);
    expect(await findTrainingSet(database, asked.place)).toEqual(set);
  });

  test('but is another whole one than the store knows is left as it is', async () => {
    const asked = input('em', { kind: 'raw' });
    const set = await build(asked);
    await database.query(`update training_sets set digest = 'another'`);
    const files = filesOf(set);
    await expect(build(asked)).rejects.toMatchObject({ type: 'TrainingSetInvalid' });
    expect(filesOf(set)).toEqual(files);
  });

  test('of something else at the same place is refused', async () => {
    await build(input('em', { kind: 'raw' }));
    await expect(build(input('teacher', { kind: 'teacher' }))).rejects.toMatchObject({ type: 'RecipeInvalid' });
  });
});

describe('an export', () => {
  async function fillLarge(): Promise<BuildTrainingSetInput> {
    await insertCorpus(
      'large',
      Array.from({ length: 6_000 }, (_, n) => ({ text: letters(n) })),
    );
    await insertRun(database, 'later');
    return input('large', { kind: 'raw' }, { place: { run: 'later', arm: 'latent', iteration: 1 } });
  }

  test('that is killed leaves no manifest, goes on behind the ranges it wrote, with the bytes of one that was not', async () => {
    const asked = await fillLarge();
    const child = spawn(process.execPath, [BUILDER, store.url, dataFolder, JSON.stringify(asked)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    for await (const line of createInterface(child.stdout)) {
      const { progress } = JSON.parse(line) as { progress?: { doing: string; done: number } };
      if (progress === undefined) throw new Error(`Expected the export to be killed before its end: ${line}`);
      if (progress.doing === 'writing' && progress.done >= 5_000) {
        child.kill('SIGKILL');
        break;
      }
    }
    await ended;
    const folder = join(dataFolder, 'runs/later/i1/train');
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^draft\.tmp-/)]);
    expect(await findTrainingSet(database, asked.place)).toBeNull();

    const done: number[] = [];
    const set = await buildTrainingSet({ database, dataFolder }, asked, (progress) => void done.push(progress.done));
    expect(done[0]).toBe(4_001);
    expect(readdirSync(folder).sort()).toEqual(['manifest.json', 'part-00000.jsonl.zst', 'part-00001.jsonl.zst']);
    await database.query('delete from training_sets');
    await writeToyModel(join(root, 'elsewhere/base'));
    expect(await build(asked, join(root, 'elsewhere'))).toEqual(set);
    expect(set.documents).toBe(6_000);
  });

  test('is the same set when several write its ranges at once, whoever is first', async () => {
    const asked = await fillLarge();
    const places = { database, dataFolder };
    const uncut = await buildTrainingSetInRanges(places, asked);
    const ranges = [
      { from: 0, to: 4_000 },
      { from: 4_000, to: 6_000 },
    ];
    expect(uncut).toEqual({ open: 'cutting', ranges });
    expect((await database.query('select from cuts')).rowCount).toBe(0);
    const set = await build(asked);
    const documents = documentsOf(set);
    const files = filesOf(set);
    rmSync(join(dataFolder, set.folder), { recursive: true });
    await database.query('delete from training_sets');

    expect(await buildTrainingSetInRanges(places, asked)).toEqual({ open: 'writing', ranges });
    const [first, second] = ranges as [DocumentRange, DocumentRange];
    await writeTrainingRange(places, { ...asked, range: second });
    // An attempt that was given up may still be at it.
    await Promise.all([1, 2].map(() => writeTrainingRange(places, { ...asked, range: first })));
    expect(await buildTrainingSetInRanges(places, asked)).toEqual(set);
    expect(filesOf(set)).toEqual(files);
    expect(documentsOf(set)).toEqual(documents);
    expect(await buildTrainingSetInRanges(places, asked)).toEqual(set);
  });

  const small = mkdtempSync(join(tmpdir(), 'thoughtloop-small-'));
  afterAll(() => rmSync(small, { recursive: true }));
  const folder = join(small, 'runs/later/i1/train');
  const mount = `mkdir -p ${folder} && mount -t tmpfs -o size=32k tmpfs ${folder}`;
  const canMount = spawnSync('unshare', ['-rm', 'sh', '-c', mount]).status === 0;

  test.skipIf(!canMount)(
    'whose file system has no room fails with DiskFull and leaves nothing (needs a mount of its own)',
    async () => {
      const asked = await fillLarge();
      const checkpoint = { ...asked.checkpoint, folder: join('..', '..', dataFolder, 'base') };
      const command = `${mount} && "$0" "$1" "$2" "$3" "$4" && find ${small} -type f`;
      const argument = JSON.stringify({ ...asked, checkpoint });
      const child = spawnSync(
        'unshare',
        ['-rm', 'sh', '-c', command, process.execPath, BUILDER, store.url, small, argument],
        {
          encoding: 'utf8',
          maxBuffer: 64 * 1024 * 1024,
        },
      );
      const lines = child.stdout.trimEnd().split('\n');
      expect(lines.at(-1)).toBe('{"failure":"DiskFull"}');
    },
  );
});

const python = process.env['THOUGHTLOOP_PYTHON'];

test.skipIf(python === undefined)(
  'the trainer reads what was written (skipped without THOUGHTLOOP_PYTHON)',
  async () => {
    const eStep = await sampledEStep();
    const set = await build(input('em', { kind: 'thoughts', eStep, samples: 3, seed: 0 }));
    const program = `
import json, sys
from pathlib import Path
from markers import read_model_facts
from training_set import map_training_set, unpack_training_set
model, manifest, cache = map(Path, sys.argv[1:])
facts = read_model_facts(model)
unpack_training_set(manifest, facts, cache)
found = map_training_set(cache, facts)
print(json.dumps([[found.context(d).tolist(), [
    [found.thought(c).tolist() if found.thought_lengths[c] >= 0 else None, found.text(c).tolist()]
    for c in range(found.document_chunks[d], found.document_chunks[d + 1])]] for d in range(len(found.document_ids))]))`;
    const paths = [
      join(dataFolder, 'base/model'),
      join(dataFolder, set.folder, 'manifest.json'),
      join(dataFolder, 'cache'),
    ];
    const child = spawnSync(python as string, ['-c', program, ...paths], {
      encoding: 'utf8',
      env: { ...process.env, PYTHONPATH: PYTHON_PATH, PYTHONDONTWRITEBYTECODE: '1' },
    });
    expect(child.stderr).toBe('');
    expect(JSON.parse(child.stdout)).toEqual([
      [
        [c, d],
        [
          [
            [b, b],
            [a, b],
          ],
        ],
      ],
      [[], [[null, [c, a, b]]]],
      [[], [[[], [d]]]],
      [
        [],
        [
          [
            [b, b],
            [a, a],
          ],
        ],
      ],
    ]);
  },
);

test('texts for a tokenizer hold context, thoughts and chunks in the order of training', async () => {
  const file = join(dataFolder, 'texts/texts.jsonl');
  expect(await writeTokenizerTexts(database, { name: 'c', split: 'teacher' }, 'r', file, 10)).toBe(2);
  expect(readFileSync(file, 'utf8')).toBe('{"text":"abc da b"}\n{"text":"ac"}\n');
  expect(await writeTokenizerTexts(database, { name: 'c', split: 'em' }, 'r', file, 1)).toBe(1);
  expect(readFileSync(file, 'utf8')).toBe('{"text":"cdab"}\n');
});
