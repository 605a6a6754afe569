import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib';

/** Characters that are handed to the compressor at once. */
const WRITE_CHARACTERS = 256 * 1024;

/**
 * Compresses text into one Zstandard frame with a checksum. Equal text gives equal bytes, however it comes in pieces and
 * whenever.
 *
 * @param take reads the frame
 * @throws what `texts` or `take` throws
 */
export async function compressText(
  texts: AsyncIterable<string>,
  take: (bytes: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  const fed = feed(compress, texts).catch((error: unknown) => void compress.destroy(error as Error));
  try {
    await pipeline(compress, take);
  } finally {
    await fed;
  }
}

/**
 * Ends the compressor only when all that was written is compressed: where the end has come before the last piece is worked
 * on, Node ends the frame with that piece and then an empty frame after it.
 */
async function feed(compress: ZstdCompress, texts: AsyncIterable<string>): Promise<void> {
  const closed = new Promise<boolean>((resolve) => compress.once('close', () => resolve(false)));
  /** Writes and waits until it is compressed; false when nobody reads any more. */
  const written = (text: string): Promise<boolean> =>
    Promise.race([
      closed,
      new Promise<boolean>((resolve) =>
        compress.write(text, (error) => resolve(error === null || error === undefined)),
      ),
    ]);

  let waiting = '';
  for await (const text of texts) {
    waiting += text;
    if (waiting.length < WRITE_CHARACTERS) continue;
    if (!(await written(waiting))) return;
    waiting = '';
  }
  if (waiting === '' || (await written(waiting))) compress.end();
}
