import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { dropUnfinished, importFile, type ImportInput, type ImportResult } from '../../activities/corpus/import.ts';
import { findSplit, listSplits, lockCorpus, unlockCorpus } from '../../activities/store/corpora.ts';
import {
  batchEnd,
  measureSplit,
  readDocuments,
  splitBytes,
  type StoredDocument,
} from '../../activities/store/documents.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const IMPORTER = fileURLToPath(new URL('../support/import-corpus.ts', import.meta.url));

let store: TestDatabase;
let database: Database;
let folder: string;

beforeAll(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-import-'));
});

afterEach(async () => {
  await database.query('truncate corpora, corpus_sources, documents, cuts restart identity cascade');
});

afterAll(async () => {
  await database.end();
  await store.drop();
  rmSync(folder, { recursive: true });
});

function put(content: string | Buffer, name = 'a.jsonl'): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

const jsonl = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const importInto = (file: string, options: Partial<ImportInput> = {}): Promise<ImportResult> =>
  importFile(database, { file, corpus: 'c', split: 's', ...options });

async function allDocuments(split = 's'): Promise<StoredDocument[]> {
  const found = await findSplit(database, 'c', split);
  return found === null ? [] : readDocuments(database, found, 0, found.documents);
}

async function storedRows(): Promise<Record<string, number>> {
  const { rows } = await database.query<Record<string, number>>(
    `select (select count(*) from corpora) as corpora, (select count(*) from corpus_sources) as sources,
       (select count(*) from documents) as documents`,
  );
  return rows[0] ?? {};
}

describe('documents', () => {
  test('come back as the file has them, whatever their characters', async () => {
    const odd = 'tab\t newline\n return\r backslash\\ \\N \\. \b\f\v quote" {brace} ,comma \u0001 😀 \u2028 NULL é';
    const rows = [
      { text: odd, context: odd },
      { chunks: [{ text: odd, thought: odd }, { text: 'b' }, { text: 'NULL', thought: 'NULL' }] },
      { text: '\\N' },
      { text: '\\.' },
    ];
    expect(await importInto(put(jsonl(rows)))).toMatchObject({ kind: 'imported', documents: 4, badLines: 0 });
    expect(await allDocuments()).toEqual([
      { ordinal: 0, context: odd, text: odd, givenEnds: null, givenThoughts: null },
      {
        ordinal: 1,
        context: null,
        text: `${odd}bNULL`,
        givenEnds: [odd.length, odd.length + 1, odd.length + 5],
        givenThoughts: [odd, '', 'NULL'],
      },
      { ordinal: 2, context: null, text: '\\N', givenEnds: null, givenThoughts: null },
      { ordinal: 3, context: null, text: '\\.', givenEnds: null, givenThoughts: null },
    ]);
  });

  test('of several files stand behind each other, packed or not; a split has its own numbers', async () => {
    await importInto(put(jsonl([{ text: 'a' }, { text: 'b' }])));
    await importInto(put(gzipSync(jsonl([{ text: 'c' }])), 'b.gz'));
    const frames = ['d', 'e', 'f'].map((text) => zstdCompressSync(jsonl([{ text }])));
    await importInto(put(Buffer.concat(frames), 'c.zst'));
    await importInto(put(jsonl([{ body: 'g' }])), { split: 'other', textField: 'body' });
    const texts = (await allDocuments()).map(({ ordinal, text }) => [ordinal, text]);
    expect(texts).toEqual([...'abcdef'].map((text, ordinal) => [ordinal, text]));
    expect((await allDocuments('other')).map(({ ordinal, text }) => [ordinal, text])).toEqual([[0, 'g']]);
  });

  test('of a line of many megabytes are read', async () => {
    const text = 'é😀 x'.repeat(4_000_000);
    await importInto(put(jsonl([{ text: 'a' }, { text }, { text: 'b' }])));
    const documents = await allDocuments();
    expect(documents.map((document) => document.text.length)).toEqual([1, text.length, 1]);
    expect(documents[1]?.text === text).toBe(true);
  });

  test('are read in batches bounded by bytes and by number, at least one at a time', async () => {
    const sizes = [3, 3, 3, 9, 9, 1, 1].map((megabytes) => megabytes * 500_000);
    await importInto(put(jsonl(sizes.map((size) => ({ text: 'x'.repeat(size) })))));
    const split = await findSplit(database, 'c', 's');
    if (split === null) throw new Error('Expected the split');
    const ends: number[] = [];
    for (let first = 0; first < split.documents; first = ends.at(-1) ?? Infinity) {
      ends.push(await batchEnd(database, split, first));
    }
    expect(ends).toEqual([2, 3, 4, 5, 7]);
    expect(await batchEnd(database, split, 0, 1)).toBe(1);
    expect(await measureSplit(database, split)).toMatchObject({ bytes: 14_500_000, characters: 14_500_000 });
    expect(await splitBytes(database, split)).toBe(14_500_000);
  });
});

describe('bad lines', () => {
  const mixed = `{"text": "a"}\nnot JSON\n\n{"text": "b\\u0000"}\n{"text": "c"}`;

  test('are named by file and line, and nothing of the file stays', async () => {
    const file = put(mixed);
    expect(await importInto(file)).toEqual({
      kind: 'refused',
      file,
      badLines: 2,
      problems: [
        { file, line: 2, reason: expect.stringContaining('invalid JSON') as string },
        { file, line: 4, reason: '`text` has a NUL character' },
      ],
    });
    expect(await storedRows()).toEqual({ corpora: 0, sources: 0, documents: 0 });
  });

  test('are left out where so many are allowed', async () => {
    const file = put(mixed);
    expect(await importInto(file, { maxBadLines: 1 })).toMatchObject({ kind: 'refused' });
    expect(await importInto(file, { maxBadLines: 2 })).toMatchObject({ kind: 'imported', documents: 2, badLines: 2 });
    expect((await allDocuments()).map(({ text }) => text)).toEqual(['a', 'c']);
    expect(await listSplits(database)).toMatchObject([{ documents: 2, badLines: 2 }]);
  });

  test('are all counted, the first twenty named; batches before them are taken back', async () => {
    const good = jsonl(Array.from({ length: 5_000 }, (_, n) => ({ text: `t${n}` })));
    const file = put(`${good}${'{}\n'.repeat(50)}${good}`);
    const result = await importInto(file, { maxBadLines: 49 });
    if (result.kind !== 'refused') throw new Error(`Expected a refusal, got ${result.kind}`);
    expect(result.badLines).toBe(50);
    expect(result.problems.map(({ line }) => line)).toEqual(Array.from({ length: 20 }, (_, n) => 5_001 + n));
    expect(await storedRows()).toEqual({ corpora: 0, sources: 0, documents: 0 });
  });

  test('alone make no corpus', async () => {
    await expect(importInto(put('\n \n'))).rejects.toThrow(/found none in its 2 lines/);
    await expect(importInto(put('{}\n'), { maxBadLines: 1 })).rejects.toMatchObject({ type: 'CorpusInvalid' });
    expect(await storedRows()).toEqual({ corpora: 0, sources: 0, documents: 0 });
  });

  test('of a refused file leave the files that are in', async () => {
    await importInto(put(jsonl([{ text: 'a' }])));
    expect(await importInto(put(`${jsonl([{ text: 'b' }])}x`, 'b.jsonl'))).toMatchObject({ kind: 'refused' });
    expect((await allDocuments()).map(({ text }) => text)).toEqual(['a']);
    await importInto(put(jsonl([{ text: 'b' }]), 'b.jsonl'));
    expect((await allDocuments()).map(({ ordinal }) => ordinal)).toEqual([0, 1]);
  });
});

test('a packed file that is damaged in the middle leaves nothing', async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => ({ text: `${n} ${Math.sin(n)} ${'x'.repeat(300)}` }));
  const whole = gzipSync(jsonl(rows));
  const file = put(whole.subarray(0, whole.length - 100), 'cut.jsonl.gz');
  await expect(importInto(file)).rejects.toThrow(/cannot be unpacked.*write it again/);
  expect(await storedRows()).toEqual({ corpora: 0, sources: 0, documents: 0 });
});

describe('the same content', () => {
  test('in another split is pointed out', async () => {
    const file = put(jsonl([{ text: 'a' }]));
    expect(await importInto(file)).toMatchObject({ elsewhere: [] });
    expect(await importInto(file, { split: 'held-out' })).toMatchObject({ elsewhere: ['s'] });
    expect(await importInto(file, { corpus: 'd', split: 'other' })).toMatchObject({ elsewhere: [] });
  });

  test('is imported once a split, under whatever name; another text field is other content', async () => {
    const content = jsonl([{ text: 'a', body: 'z' }]);
    await importInto(put(content));
    expect(await importInto(put(content))).toMatchObject({ kind: 'already-imported', documents: 1 });
    expect(await importInto(put(content, 'copy.jsonl'))).toMatchObject({ kind: 'already-imported' });
    expect(await importInto(put(content), { split: 'other' })).toMatchObject({ kind: 'imported' });
    expect(await importInto(put(content), { corpus: 'd' })).toMatchObject({ kind: 'imported' });
    expect(await importInto(put(content), { textField: 'body' })).toMatchObject({ kind: 'imported' });
    expect((await allDocuments()).map(({ text }) => text)).toEqual(['a', 'z']);
  });
});

test.each(['', 'a b', '-x', 'x'.repeat(64), 'a/b'])('%j is no name of a corpus or a split', async (name) => {
  const file = put(jsonl([{ text: 'a' }]));
  await expect(importInto(file, { corpus: name })).rejects.toMatchObject({ type: 'CorpusInvalid' });
  await expect(importInto(file, { split: name })).rejects.toMatchObject({ type: 'CorpusInvalid' });
});

describe('an import that is killed', () => {
  const DOCUMENTS = 30_000;
  const rows = Array.from({ length: DOCUMENTS }, (_, n) => ({ text: `document ${n} ${'x'.repeat(500)}` }));

  /** Imports in a process of its own and kills it once documents of it are durable. */
  async function importAndKill(file: string): Promise<number> {
    const child = spawn(process.execPath, [IMPORTER, store.url, file, 'c', 's'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    for await (const line of createInterface(child.stdout)) {
      const { documents, result } = JSON.parse(line) as { documents: number; result?: unknown };
      if (result !== undefined) throw new Error('Expected the import to be killed before its end');
      if (documents >= 4_000) {
        child.kill('SIGKILL');
        break;
      }
    }
    await ended;
    const { rows: sources } = await database.query<{ state: string; done: number }>(
      'select state, done_lines as done from corpus_sources',
    );
    expect(sources).toMatchObject([{ state: 'importing' }]);
    return sources[0]?.done ?? 0;
  }

  test('shows nothing of itself, and goes on where it was without duplicates', async () => {
    const file = put(jsonl(rows), 'big.jsonl');
    const done = await importAndKill(file);
    expect(done).toBeGreaterThanOrEqual(4_000);
    expect(done).toBeLessThan(DOCUMENTS);
    expect(await findSplit(database, 'c', 's')).toBeNull();
    expect(await listSplits(database)).toMatchObject([{ documents: 0, files: 0, unfinished: [file] }]);

    const result = await importInto(file);
    expect(result).toMatchObject({ kind: 'imported', documents: DOCUMENTS, resumedAfter: done });
    const texts = (await allDocuments()).map(({ text }) => text);
    expect(texts).toEqual(rows.map(({ text }) => text));
    expect(await importInto(file)).toMatchObject({ kind: 'already-imported' });
  });

  test('refuses a file that changed meanwhile and any other, until its leftovers are dropped', async () => {
    await importAndKill(put(jsonl(rows), 'big.jsonl'));
    const changed = put(jsonl([...rows, { text: 'one more' }]), 'big.jsonl');
    await expect(importInto(changed)).rejects.toThrow(/changed since its import was interrupted after line \d+/);
    const other = put(jsonl([{ text: 'a' }]));
    await expect(importInto(other)).rejects.toThrow(/the import of .*big\.jsonl was interrupted/);
    expect(await importInto(other, { split: 'another' })).toMatchObject({ kind: 'imported' });
    expect(await importInto(other, { restart: true })).toMatchObject({ kind: 'imported', resumedAfter: 0 });
    expect((await allDocuments()).map(({ ordinal, text }) => [ordinal, text])).toEqual([[0, 'a']]);
    expect(await storedRows()).toEqual({ corpora: 1, sources: 2, documents: 2 });
  });

  test('can be dropped, with the corpus it alone made', async () => {
    const file = put(jsonl(rows), 'big.jsonl');
    await importAndKill(file);
    expect(await dropUnfinished(database, 'c', 's')).toEqual([file]);
    expect(await storedRows()).toEqual({ corpora: 0, sources: 0, documents: 0 });
    expect(await dropUnfinished(database, 'c', 's')).toEqual([]);
  });
});

test('two imports of one corpus do not run at once, and the lock ends with its connection', async () => {
  const [one, two] = [await database.connect(), await database.connect()];
  expect(await lockCorpus(one, 'c')).toBe(true);
  const waiting = lockCorpus(two, 'c');
  one.release(true);
  expect(await waiting).toBe(true);
  await unlockCorpus(two, 'c');
  two.release();
  const results = await Promise.all([
    importInto(put(jsonl([{ text: 'a' }]), 'one.jsonl')),
    importInto(put(jsonl([{ text: 'b' }]), 'two.jsonl')),
  ]);
  expect(results.map(({ kind }) => kind)).toEqual(['imported', 'imported']);
  expect((await allDocuments()).map(({ ordinal }) => ordinal)).toEqual([0, 1]);
});

test('memory does not grow with the number of documents', { timeout: 180_000 }, async () => {
  const peak = async (count: number): Promise<number> => {
    const file = put(
      jsonl(Array.from({ length: count }, (_, n) => ({ text: `${n} ${'x'.repeat(500)}` }))),
      'big.jsonl',
    );
    const child = spawn(process.execPath, ['--expose-gc', IMPORTER, store.url, file, `c${count}`, 's'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let most = 0;
    let imported = false;
    for await (const line of createInterface(child.stdout)) {
      const said = JSON.parse(line) as { memory?: number; result?: ImportResult };
      most = Math.max(most, said.memory ?? 0);
      imported ||= said.result?.kind === 'imported' && said.result.documents === count;
    }
    expect(imported).toBe(true);
    return most;
  };
  const small = await peak(10_000);
  // Ten times the documents are 45 MB more of text.
  expect((await peak(100_000)) - small).toBeLessThan(15 * 1024 * 1024);
});
