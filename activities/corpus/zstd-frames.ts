/** A piece of a zstd stream; `last` marks the end of a frame. */
export interface FramePiece {
  readonly bytes: Buffer;
  readonly last: boolean;
}

const FRAME_MAGIC = 0xfd2fb528;
/** A skippable frame has a magic number of 0x184D2A50 to 0x184D2A5F (RFC 8878, section 3.1.2). */
const SKIPPABLE_MAGIC = 0x184d2a50;

/** Bytes of the dictionary id and of the content size by their flags (RFC 8878, section 3.1.1.1). */
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

/**
 * Finds the ends of the frames in a zstd stream (RFC 8878) without decompressing it; skippable frames are left out.
 * It is there because Node's decompressor ends at the end of the first frame and drops the rest in silence, while files
 * of several frames are common (`pzstd`, concatenated files).
 *
 * State: `magic` → `header` → (`block header` → `block body`)… → `checksum`? → `magic`; `skippable length` → `skipped` → `magic`.
 *
 * @throws Error where something else than a frame follows, or the stream ends within one
 */
export async function* zstdFrames(chunks: AsyncIterable<Buffer>): AsyncGenerator<FramePiece> {
  const source = new ByteSource(chunks);
  for (;;) {
    const magic = await source.peek(4);
    if (magic.length === 0) return;
    if (magic.length < 4) throw new Error('unexpected end of file');
    const number = magic.readUInt32LE(0);
    if ((number & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      const header = await source.take(8);
      for await (const piece of source.pass(header.readUInt32LE(4))) void piece;
      continue;
    }
    if (number !== FRAME_MAGIC) throw new Error('found something else than a zstd frame behind the last one');
    yield* frame(source);
  }
}

async function* frame(source: ByteSource): AsyncGenerator<FramePiece> {
  const start = await source.take(5);
  const descriptor = start.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const contentSizeFlag = descriptor >>> 6;
  const contentSizeBytes = contentSizeFlag === 0 && singleSegment ? 1 : (CONTENT_SIZE_BYTES[contentSizeFlag] ?? 0);
  const more = (singleSegment ? 0 : 1) + (DICTIONARY_BYTES[descriptor & 0x03] ?? 0) + contentSizeBytes;
  yield { bytes: start, last: false };
  yield { bytes: await source.take(more), last: false };
  for (;;) {
    const header = await source.take(3);
    const fields = header.readUIntLE(0, 3);
    const lastBlock = (fields & 1) === 1;
    const repeated = ((fields >>> 1) & 0x03) === 1;
    const size = repeated ? 1 : fields >>> 3;
    yield { bytes: header, last: lastBlock && size === 0 && !hasChecksum };
    let left = size;
    for await (const bytes of source.pass(size)) {
      left -= bytes.length;
      yield { bytes, last: lastBlock && left === 0 && !hasChecksum };
    }
    if (!lastBlock) continue;
    if (hasChecksum) yield { bytes: await source.take(4), last: true };
    return;
  }
}

/** Reads exact numbers of bytes from a stream of chunks. */
class ByteSource {
  private readonly chunks: AsyncIterator<Buffer>;
  private held: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `count` bytes, or fewer at the end of the stream; they stay there. */
  async peek(count: number): Promise<Buffer> {
    while (this.held.length < count) {
      const next = await this.chunks.next();
      if (next.done === true) break;
      this.held = this.held.length === 0 ? next.value : Buffer.concat([this.held, next.value]);
    }
    return this.held.subarray(0, count);
  }

  /** The next `count` bytes. */
  async take(count: number): Promise<Buffer> {
    const bytes = await this.peek(count);
    if (bytes.length < count) throw new Error('unexpected end of file');
    this.held = this.held.subarray(count);
    return bytes;
  }

  /** The next `count` bytes in the pieces in which they come. */
  async *pass(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0;) {
      if ((await this.peek(1)).length === 0) throw new Error('unexpected end of file');
      const piece = await this.take(Math.min(left, this.held.length));
      left -= piece.length;
      yield piece;
    }
  }
}
