import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TrainingDocument } from '../../activities/m-step/training-document.ts';
import { publishDraft, withDraft } from '../../activities/m-step/training-set-draft.ts';
import { readSet, writeManifest, writeParts, type Manifest } from '../../activities/m-step/training-set-files.ts';

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
  const manifest = await withDraft(folder, async (draft) => {
    const parts = await writeParts(draft, documents(2), undefined, 150);
    await writeManifest(draft, { ...parts, ...rest });
    await publishDraft(draft, folder, parts);
    return { ...parts, ...rest };
  });
  expect((await readdir(folder)).sort()).toEqual(['manifest.json', 'notes.txt', 'part-00000.jsonl.zst']);
  expect((await readSet(folder))?.manifest).toEqual(manifest);
});

test('a draft that fails is removed', async () => {
  const failing = withDraft(folder, async (draft) => {
    await writeParts(draft, documents(2));
    throw new Error('no more');
  });
  await expect(failing).rejects.toThrow('no more');
  expect(await readdir(folder)).toEqual([]);
});
