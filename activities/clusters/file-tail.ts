import { open } from 'node:fs/promises';
import { isMissing } from './atomic-json.ts';

/**
 * The last complete and incomplete lines within the last `bytes` bytes of a file, oldest first, whatever its size.
 * A first line that the window cuts is left out. No file: no lines.
 */
export async function tailLines(file: string, bytes = 64 * 1024): Promise<string[]> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - bytes);
    const buffer = Buffer.alloc(size - start);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    if (start > 0) lines.shift();
    if (lines.at(-1) === '') lines.pop();
    return lines;
  } finally {
    await handle.close();
  }
}
