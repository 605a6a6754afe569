import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readLines, type Line } from '../../activities/corpus/lines.ts';

async function lines(chunks: readonly Buffer[], maxLineBytes?: number): Promise<Line[]> {
  const found: Line[] = [];
  for await (const line of readLines(Readable.from(chunks), maxLineBytes)) found.push(line);
  return found;
}

const texts = (found: readonly Line[]): string[] =>
  found.map((line) => (line.kind === 'line' ? line.bytes.toString() : line.kind));

function pieces(whole: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(whole.length / size) }, (_, i) => whole.subarray(i * size, (i + 1) * size));
}

test('lines, numbers and ends are the same however the stream is cut', async () => {
  const whole = Buffer.from('\uFEFFone\ntwo é😀\r\n\n\nlast');
  const expected = await lines([whole]);
  expect(texts(expected)).toEqual(['one', 'two é😀\r', '', '', 'last']);
  expect(expected.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  expect(expected.at(-1)?.end).toBe(whole.length);
  expect(expected.map(({ end }) => end)).toEqual([7, 19, 20, 21, 25]);
  for (let size = 1; size < whole.length; size += 1) expect(await lines(pieces(whole, size))).toEqual(expected);
});

test('a newline at the end makes no further line, and an empty stream has none', async () => {
  expect(texts(await lines([Buffer.from('a\n')]))).toEqual(['a']);
  expect(await lines([])).toEqual([]);
});

test('a byte order mark is left out at the start of the file alone', async () => {
  expect(texts(await lines([Buffer.from('\uFEFFa\n\uFEFFb')]))).toEqual(['a', '\uFEFFb']);
});

test('a line longer than the limit is named and skipped, the next ones are read', async () => {
  const whole = Buffer.from(`ok\n${'x'.repeat(100)}\n${'y'.repeat(10)}\n${'z'.repeat(11)}`);
  for (const size of [1, 7, 200]) {
    expect(texts(await lines(pieces(whole, size), 10))).toEqual(['ok', 'too-long', 'y'.repeat(10), 'too-long']);
  }
});
