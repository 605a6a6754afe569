import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync, constants } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { fileDigest, openCorpusFile, readCorpusFile } from '../../activities/corpus/corpus-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'thoughtloop-corpus-'));
afterAll(() => rmSync(folder, { recursive: true }));

function put(bytes: Buffer | string, name = 'corpus.bin'): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function content(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of readCorpusFile(await openCorpusFile(path)).content) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const noise = Array.from({ length: 300_000 }, (_, i) => ((i * 7_919) % 10_007).toString(36)).join(',');
const zstd = (text: string, checksum = 0): Buffer =>
  zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: checksum } });
const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]);

describe('what a file holds is told from its bytes, not its name', () => {
  test.each<[string, Buffer, string]>([
    ['plain', Buffer.from(noise), noise],
    ['gzip', gzipSync(noise), noise],
    ['gzip of several members', Buffer.concat([gzipSync('a\n'), gzipSync(noise)]), `a\n${noise}`],
    ['zstd', zstd(noise), noise],
    ['zstd with checksum', zstd(noise, 1), noise],
    ['zstd of several frames', Buffer.concat([zstd('a\n'), zstd(noise, 1), zstd(''), zstd('z')]), `a\n${noise}z`],
    ['zstd with skippable frames', Buffer.concat([skippable, zstd(noise), skippable]), noise],
    ['zstd of one repeated byte', zstd('x'.repeat(5_000_000)), 'x'.repeat(5_000_000)],
  ])('%s', async (_, bytes, expected) => {
    const path = put(bytes);
    expect((await content(path)) === expected).toBe(true);
    const { content: chunks, state } = readCorpusFile(await openCorpusFile(path));
    for await (const chunk of chunks) void chunk;
    expect(state.bytes).toBe(bytes.length);
    expect(state.digest()).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(await fileDigest(path)).toBe(createHash('sha256').update(bytes).digest('hex'));
  });
});

describe('a file that is damaged is refused, never read in part', () => {
  test.each<[string, Buffer]>([
    ['gzip cut off', gzipSync(noise).subarray(0, -9)],
    ['zstd cut off within a frame', zstd(noise).subarray(0, -9)],
    ['zstd cut off within the second frame', Buffer.concat([zstd('a'), zstd(noise).subarray(0, -9)])],
    ['zstd cut off within a frame header', Buffer.concat([zstd('a'), zstd('b').subarray(0, 3)])],
    ['zstd followed by something else', Buffer.concat([zstd('a'), Buffer.from('garbage')])],
    ['gzip followed by something else', Buffer.concat([gzipSync('a'), Buffer.from('garbage')])],
  ])('%s', async (_, bytes) => {
    await expect(content(put(bytes))).rejects.toMatchObject({ type: 'CorpusInvalid' });
  });

  test('zstd whose checksum does not fit', async () => {
    const bytes = zstd(noise, 1);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    await expect(content(put(bytes))).rejects.toMatchObject({ type: 'CorpusInvalid' });
  });
});

describe('a path that is no such file is refused with what is wrong', () => {
  test.each<[string, () => string, string]>([
    ['missing', () => join(folder, 'nowhere.jsonl'), 'there is none'],
    ['empty', () => put('', 'empty.jsonl'), 'is empty'],
    ['a folder', () => folder, 'is not a file'],
    ['Parquet', () => put('PAR1....', 'corpus.jsonl'), 'Parquet'],
  ])('%s', async (_, path, message) => {
    await expect(openCorpusFile(path())).rejects.toMatchObject({
      type: 'CorpusInvalid',
      message: expect.stringContaining(message) as string,
    });
  });
});
