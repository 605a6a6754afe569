/** A line of a file, without its newline, or a note that it is longer than can be read. */
export type Line =
  | { readonly kind: 'line'; readonly number: number; readonly bytes: Buffer; readonly end: number }
  | { readonly kind: 'too-long'; readonly number: number; readonly end: number };

/** Longest line in bytes: a JavaScript string holds 2^29 UTF-16 units, and COPY escapes may double a text. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Cuts a byte stream into lines, each with its number (from 1) and the offset behind it in the stream. A UTF-8 byte order
 * mark at the start is left out. No more than one line is held, and no longer one than `maxLineBytes`.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>, maxLineBytes = MAX_LINE_BYTES): AsyncGenerator<Line> {
  let pieces: Buffer[] = [];
  let held = 0;
  let tooLong = false;
  let number = 1;
  let end = 0;
  const take = (piece: Buffer): void => {
    held += piece.length;
    if (held > maxLineBytes) {
      tooLong = true;
      pieces = [];
    }
    if (!tooLong && piece.length > 0) pieces.push(piece);
  };
  const close = (): Line => {
    const whole = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
    const bytes = number === 1 && whole.subarray(0, 3).equals(BYTE_ORDER_MARK) ? whole.subarray(3) : whole;
    const line: Line = tooLong ? { kind: 'too-long', number, end } : { kind: 'line', number, bytes, end };
    pieces = [];
    held = 0;
    tooLong = false;
    number += 1;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
      take(chunk.subarray(start, at));
      end += at + 1 - start;
      yield close();
      start = at + 1;
    }
    take(chunk.subarray(start));
    end += chunk.length - start;
  }
  if (held > 0) yield close();
}
