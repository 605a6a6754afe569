import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline, Readable, type Transform } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { failure } from '../failure.ts';
import { zstdFrames, type FramePiece } from './zstd-frames.ts';

/** How a corpus file is packed; told from its first bytes, since names lie. */
export type Packing = 'plain' | 'gzip' | 'zstd';

/** Bytes read from the disk at once. */
const READ_BYTES = 1024 * 1024;

/** Largest window a zstd file may ask for: what `zstd --long=31` writes. */
const MAX_WINDOW_LOG = 31;

/** A corpus file that exists, is not empty, and can be read. */
export interface CorpusFile {
  readonly path: string;
  readonly bytes: number;
  readonly packing: Packing;
}

/**
 * Looks at a corpus file.
 * @throws CorpusInvalid when it is missing, empty, no file, or of a format that is not read
 */
export async function openCorpusFile(path: string): Promise<CorpusFile> {
  const expected = 'Expected a file of JSON lines (plain, .gz or .zst)';
  const stats = await stat(path).catch((error: unknown) => {
    const found = (error as { code?: string }).code === 'ENOENT' ? 'there is none at' : 'it cannot be looked at:';
    throw failure('CorpusInvalid', `${expected}, but ${found} ${path}: check the path`);
  });
  if (!stats.isFile())
    throw failure('CorpusInvalid', `${expected}, but ${path} is not a file: name its files one by one`);
  if (stats.size === 0) throw failure('CorpusInvalid', `${expected}, but ${path} is empty: write it again`);
  const handle = await open(path).catch((error: unknown) => {
    throw failure(
      'CorpusInvalid',
      `${expected}, but ${path} cannot be read (${reasonOf(error)}): check its permissions`,
    );
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    const start = buffer.subarray(0, bytesRead);
    if (start.toString('latin1') === 'PAR1') {
      throw failure('CorpusInvalid', `${expected}, but ${path} is a Parquet file: convert it to JSON lines first`);
    }
    return { path, bytes: stats.size, packing: packingOf(start) };
  } finally {
    await handle.close();
  }
}

function packingOf(start: Buffer): Packing {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start.length < 4) return 'plain';
  const magic = start.readUInt32LE(0);
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : 'plain';
}

/** sha256 of a file's bytes as they are on the disk. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** What has been read of a file so far: `digest` is called once, after the end. */
export interface ReadState {
  /** Bytes read from the disk. */
  bytes: number;
  /** sha256 of all bytes. */
  digest(): string;
}

/** The unpacked content of a corpus file as a stream, and a state that tells how far the disk has been read. */
export function readCorpusFile(file: CorpusFile): {
  readonly content: AsyncIterable<Buffer>;
  readonly state: ReadState;
} {
  const hash = createHash('sha256');
  const state: ReadState = { bytes: 0, digest: () => hash.digest('hex') };
  async function* fromDisk(): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(file.path, { highWaterMark: READ_BYTES })) {
      const bytes = chunk as Buffer;
      hash.update(bytes);
      state.bytes += bytes.length;
      yield bytes;
    }
  }
  return { content: unpacked(file, fromDisk()), state };
}

async function* unpacked(file: CorpusFile, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (file.packing === 'plain') {
    yield* chunks;
    return;
  }
  try {
    yield* file.packing === 'gzip' ? through(chunks, createGunzip()) : throughZstd(chunks);
  } catch (error) {
    throw failure(
      'CorpusInvalid',
      `Expected ${file.path} to be one whole ${file.packing} file, but it cannot be unpacked (${reasonOf(error)}): ` +
        'it is damaged or was cut off, write it again',
    );
  }
}

/** Pipes chunks through a decompressor; an error on either side surfaces here. */
function through(chunks: AsyncIterable<Buffer>, decompressor: Transform): AsyncIterable<Buffer> {
  pipeline(Readable.from(chunks, { objectMode: false }), decompressor, () => undefined);
  return decompressor;
}

async function* throughZstd(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const pieces = zstdFrames(chunks);
  try {
    for (let first = await pieces.next(); first.done !== true; first = await pieces.next()) {
      const decompressor = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG } });
      yield* through(untilFrameEnd(first.value, pieces), decompressor);
    }
  } finally {
    await pieces.return(undefined);
  }
}

async function* untilFrameEnd(first: FramePiece, rest: AsyncGenerator<FramePiece>): AsyncGenerator<Buffer> {
  yield first.bytes;
  for (let piece = first; !piece.last;) {
    const next = await rest.next();
    if (next.done === true) return;
    piece = next.value;
    if (piece.bytes.length > 0) yield piece.bytes;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
