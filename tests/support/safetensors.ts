import { readFileSync } from 'node:fs';

/** A float32 tensor of a file in safetensors format, row by row. */
export function readTensor(file: string, name: string): { readonly values: Float32Array; readonly shape: number[] } {
  const bytes = readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const entry = header[name];
  if (entry?.dtype !== 'F32')
    throw new Error(`Expected a float32 tensor ${name} in ${file}, found ${entry?.dtype ?? 'none'}`);
  const [start, end] = entry.data_offsets.map((offset) => offset + 8 + headerLength);
  const data = Uint8Array.prototype.slice.call(bytes, start, end); // a copy, aligned
  return { values: new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4), shape: entry.shape };
}
