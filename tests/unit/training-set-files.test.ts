import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TrainingDocument } from '../../activities/m-step/training-document.ts';
import { draftOf, dropDraft, openDraft, publishDraft } from '../../activities/m-step/training-set-draft.ts';
import { readSet, writeManifest, writeParts, type Manifest } from '../../activities/m-step/training-set-files.ts';
import { joinRanges, readRange, writeRange, type Written } from '../../activities/m-step/training-set-ranges.ts';
import type { DocumentRange } from '../../workflows/contract/references.ts';

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'thoughtloop-parts-')), 'train');
});

afterEach(() => rm(join(folder, '..'), { recursive: true }));

const document = (id: number): TrainingDocument => ({ id, context: [1], chunks: [{ z: [2, 3], x: [4] }, { x: [5] }] });

async function* documents(count: number, leftOut: readonly number[] = []): AsyncGenerator<TrainingDocument | null> {
  await Promise.resolve();
  for (let id = 0; id < count; id += 1) yield leftOut.includes(id) ? null : document(id);
}

const rest: Omit<Manifest, 'parts' | 'documents' | 'chunks' | 'tokens' | 'rawTokens' | 'leftOut'> = {
  vocabulary: 6,
  markers: { startOfLatent: 2, endOfLatent: 3, priorPrefix: 4, posteriorPrefix: 5 },
  source: { kind: 'raw' },
};

async function write(count: number, partBytes: number, leftOut?: readonly number[]): Promise<Manifest> {
  const manifest = { ...(await writeParts(folder, documents(count, leftOut), undefined, partBytes)), ...rest };
  await writeManifest(folder, manifest);
  return manifest;
}

test('parts are bounded in size, hold each document once in order, and add up', async () => {
  const manifest = await write(10, 150, [3, 9]);
  expect(manifest).toMatchObject({ documents: 8, chunks: 16, tokens: 40, rawTokens: 24, leftOut: 2 });
  expect(manifest.parts.map(({ documents: count }) => count)).toEqual([3, 3, 2]);
  expect(manifest.parts.map(({ tokens }) => tokens)).toEqual([15, 15, 10]);
  const found: unknown[] = [];
  for (const [index, { file }] of manifest.parts.entries()) {
    expect(file).toBe(`part-0000${index}.jsonl.zst`);
    const lines = zstdDecompressSync(await readFile(join(folder, file)))
      .toString()
      .trimEnd()
      .split('\n');
    found.push(...lines.map((line) => JSON.parse(line) as unknown));
  }
  expect(found).toEqual([0, 1, 2, 4, 5, 6, 7, 8].map(document));
  expect((await readSet(folder))?.manifest).toEqual(manifest);
});

test('the same documents give the same digest, and no documents an empty set', async () => {
  await write(10, 150);
  const first = (await readSet(folder))?.digest;
  await rm(folder, { recursive: true });
  await write(10, 150);
  expect((await readSet(folder))?.digest).toBe(first);
  await rm(folder, { recursive: true });
  expect((await write(0, 150)).parts).toEqual([]);
});

test('a source that fails leaves no part of its own and no manifest', async () => {
  async function* failing(): AsyncGenerator<TrainingDocument> {
    await Promise.resolve();
    for (let id = 0; id < 4; id += 1) yield document(id);
    throw new Error('the database is gone');
  }
  await expect(writeParts(folder, failing(), undefined, 150)).rejects.toThrow('the database is gone');
  expect(await readdir(folder)).toEqual(['part-00000.jsonl.zst']);
  expect(await readSet(folder)).toBeNull();
});

test('a progress callback that throws ends the writing, and the source with it', async () => {
  let ended = false;
  async function* endless(): AsyncGenerator<TrainingDocument> {
    await Promise.resolve();
    try {
      for (let id = 0; ; id += 1) yield document(id);
    } finally {
      ended = true;
    }
  }
  const stop = (count: number): void => {
    if (count === 100) throw new Error('stopped');
  };
  await expect(writeParts(folder, endless(), stop)).rejects.toThrow('stopped');
  expect(ended).toBe(true);
  expect(await readdir(folder)).toEqual([]);
});

test('a manifest that names a file outside its folder is not followed', async () => {
  const { parts, ...manifest } = await write(1, 150);
  const [part] = parts;
  await writeManifest(folder, { ...manifest, ...rest, parts: [{ ...part!, file: '../train/part-00000.jsonl.zst' }] });
  expect(await readSet(folder)).toBeNull();
});

test('a set moves from its draft to its folder over what a stopped export left; files of others stay', async () => {
  const id = '0b0e4f5a-0000-4000-8000-000000000000';
  await write(10, 150);
  await mkdir(join(folder, `draft.tmp-${id}`));
  await rm(join(folder, 'manifest.json'));
  await writeFile(join(folder, 'notes.txt'), '');
  await writeFile(join(folder, `part-00009.jsonl.zst.tmp-${id}`), '');
  const draft = draftOf(folder, ['another set']);
  await openDraft(draft);
  const written = await writeParts(join(draft, 'range'), documents(2), undefined, 150);
  const manifest = { ...written, ...rest };
  await writeManifest(draft, manifest);
  await publishDraft(draft, folder, manifest, ['range/part-00000.jsonl.zst']);
  await dropDraft(draft);
  expect((await readdir(folder)).sort()).toEqual(['manifest.json', 'notes.txt', 'part-00000.jsonl.zst']);
  expect((await readSet(folder))?.manifest).toEqual(manifest);
});

test('ranges that were written apart make one set, in order', async () => {
  const draft = draftOf(folder, ['a set']);
  const ranges = [
    { from: 0, to: 2 },
    { from: 2, to: 4 },
  ];
  const [first, second] = ranges as [DocumentRange, DocumentRange];
  async function* of({ from, to }: DocumentRange): AsyncGenerator<TrainingDocument | null> {
    await Promise.resolve();
    for (let id = from; id < to; id += 1) yield id === 3 ? null : document(id);
  }
  await writeRange(draft, second, of(second), () => undefined);
  expect(await readRange(draft, first)).toBeNull();
  await writeRange(draft, first, of(first), () => undefined);
  const written = await Promise.all(
    ranges.map(async (range) => ({ range, written: (await readRange(draft, range)) as Written })),
  );
  const { sources, ...whole } = joinRanges(draft, written);
  expect(whole).toMatchObject({ documents: 3, chunks: 6, tokens: 15, rawTokens: 9, leftOut: 1 });
  expect(whole.parts.map(({ file, documents: count }) => [file, count])).toEqual([
    ['part-00000.jsonl.zst', 2],
    ['part-00001.jsonl.zst', 1],
  ]);
  expect(sources).toEqual(['documents-0-2/part-00000.jsonl.zst', 'documents-2-4/part-00000.jsonl.zst']);
});

test('a range that fails leaves nothing; one that lost a part is none', async () => {
  const draft = draftOf(folder, ['a set']);
  const range = { from: 0, to: 2 };
  const stop = (): void => {
    throw new Error('stopped');
  };
  await expect(writeRange(draft, range, documents(2), stop)).rejects.toThrow('stopped');
  expect(await readdir(draft)).toEqual([]);
  await writeRange(draft, range, documents(2), () => undefined);
  expect(await readRange(draft, range)).toMatchObject({ documents: 2 });
  await rm(join(draft, 'documents-0-2/part-00000.jsonl.zst'));
  expect(await readRange(draft, range)).toBeNull();
  await writeRange(draft, range, documents(2), () => undefined);
  expect(await readRange(draft, range)).toMatchObject({ documents: 2 });
});
