import { setImmediate } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compressText } from '../../activities/corpus/zstd-text.ts';

/** The last piece and the end come together, or apart. */
async function* pieces(
  all: readonly string[],
  pause: 'before the end' | 'before each' | 'never',
): AsyncGenerator<string> {
  for (const piece of all) {
    if (pause === 'before each') await setImmediate();
    yield piece;
  }
  if (pause === 'before the end') for (let turn = 0; turn < 50; turn += 1) await setImmediate();
}

async function compressed(texts: AsyncIterable<string>): Promise<Buffer> {
  const parts: Buffer[] = [];
  await compressText(texts, async (bytes) => {
    for await (const part of bytes) parts.push(part);
  });
  return Buffer.concat(parts);
}

const MANY = Array.from(
  { length: 5_000 },
  (_, line) => `${line} ${(line * 7919) % 104_729} ${'x'.repeat(line % 97)}\n`,
);

test.for([[[]], [['']], [['one']], [MANY]])('equal text gives equal bytes however its pieces come', async ([all]) => {
  const whole = await compressed(pieces(all as readonly string[], 'never'));
  expect(zstdDecompressSync(whole).toString()).toBe((all as readonly string[]).join(''));
  for (const pause of ['before the end', 'before each'] as const) {
    expect((await compressed(pieces(all as readonly string[], pause))).equals(whole)).toBe(true);
  }
  expect((await compressed(pieces([(all as readonly string[]).join('')], 'never'))).equals(whole)).toBe(true);
});

test('what its source or its reader throws is thrown, and the source is closed', async () => {
  let closed = 0;
  async function* failing(): AsyncGenerator<string> {
    try {
      for (let piece = 0; piece < 50; piece += 1) yield 'y'.repeat(100_000);
      await setImmediate();
      throw new Error('the source');
    } finally {
      closed += 1;
    }
  }
  await expect(compressed(failing())).rejects.toThrow('the source');
  const full = compressText(failing(), async (bytes) => {
    for await (const part of bytes) if (part.length > 0) throw new Error('the disk');
  });
  await expect(full).rejects.toThrow('the disk');
  expect(closed).toBe(2);
});
