import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../corpus/durable-file.ts';
import { compressText } from '../corpus/zstd-text.ts';
import { addExtents, extentOf, NOTHING, type TrainingDocument } from './training-document.ts';

const count = z.int().nonnegative();

export const manifestSchema = z.object({
  parts: z.array(
    z.object({
      file: z.string().refine((file) => basename(file) === file),
      sha256: z.string(),
      documents: count,
      tokens: count,
    }),
  ),
  /** Ids there are: every id of the parts is below. */
  vocabulary: z.int().positive(),
  markers: z.object({ startOfLatent: count, endOfLatent: count, priorPrefix: count, posteriorPrefix: count }),
  /** What the set was made of. */
  source: z.record(z.string(), z.union([z.string(), z.number()])),
  documents: count,
  chunks: count,
  /** Tokens of one pass, markers and framing left out; raw ones are those that are not a thought's. */
  tokens: count,
  rawTokens: count,
  /** Documents that could not be encoded without special tokens and are not in the parts. */
  leftOut: count,
});

/** `manifest.json` of a training set. */
export type Manifest = z.infer<typeof manifestSchema>;

export const MANIFEST = 'manifest.json';

/** Name of the `index`th part of a set, from 0. */
export const partName = (index: number): string => `part-${String(index).padStart(5, '0')}.jsonl.zst`;

/** Uncompressed bytes after which a part ends: what a reader unpacks at once. */
export const PART_BYTES = 64 * 1024 * 1024;

/**
 * Writes documents as `part-00000.jsonl.zst` …, each synced and renamed when it is whole. Equal documents give equal
 * bytes.
 *
 * @param documents null counts as left out
 * @param onDocument called after each document with the number written so far
 * @throws DiskFull when there is no room; files under way are removed
 */
export async function writeParts(
  folder: string,
  documents: AsyncIterable<TrainingDocument | null>,
  onDocument: (documents: number) => void = () => undefined,
  partBytes = PART_BYTES,
): Promise<Pick<Manifest, 'parts' | 'documents' | 'chunks' | 'tokens' | 'rawTokens' | 'leftOut'>> {
  const source = documents[Symbol.asyncIterator]();
  const parts: Manifest['parts'] = [];
  let whole = NOTHING;
  let leftOut = 0;
  let ended = false;

  const next = async (): Promise<TrainingDocument | null> => {
    for (;;) {
      const result = await source.next();
      ended = result.done === true;
      if (result.done === true) return null;
      if (result.value !== null) return result.value;
      leftOut += 1;
    }
  };
  try {
    let waiting = await next();
    while (waiting !== null) {
      let part = NOTHING;
      const lines = async function* (): AsyncGenerator<string> {
        for (let bytes = 0; waiting !== null && bytes < partBytes;) {
          const line = `${JSON.stringify(waiting)}\n`;
          part = addExtents(part, extentOf(waiting));
          bytes += line.length;
          onDocument(whole.documents + part.documents);
          yield line;
          waiting = await next();
        }
      };
      const file = partName(parts.length);
      const sha256 = await writePart(join(folder, file), lines());
      parts.push({ file, sha256, documents: part.documents, tokens: part.tokens });
      whole = addExtents(whole, part);
    }
  } finally {
    if (!ended) await source.return?.();
  }
  return { parts, ...whole, leftOut };
}

/** One compressed part, durable under its name when this resolves; returns the sha256 of its bytes. */
async function writePart(file: string, lines: AsyncIterable<string>): Promise<string> {
  const hash = createHash('sha256');
  await writeDurably(file, async (handle) => {
    const digested = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    };
    await compressText(lines, (bytes) => handle.writeFile(digested(bytes)));
  });
  return hash.digest('hex');
}

/** Writes the manifest, the last file of a set. Returns the sha256 of its bytes. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<string> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeDurably(join(folder, MANIFEST), (handle) => handle.writeFile(text));
  return createHash('sha256').update(text).digest('hex');
}

/** A set whose manifest and parts are on the disk and agree. */
export interface FoundSet {
  readonly manifest: Manifest;
  /** sha256 of the manifest. */
  readonly digest: string;
}

/**
 * Reads a set and checks the digest of every part.
 * @param onPart called after each part, with the number checked so far
 * @returns null when the manifest or a part is missing, cannot be read, or differs
 */
export async function readSet(
  folder: string,
  onPart: (parts: number) => void = () => undefined,
): Promise<FoundSet | null> {
  const bytes = await readFile(join(folder, MANIFEST)).catch(() => null);
  if (bytes === null) return null;
  const manifest = parseManifest(bytes);
  if (manifest === null) return null;
  if ((await damagedPart(folder, manifest, onPart)) !== undefined) return null;
  return { manifest, digest: createHash('sha256').update(bytes).digest('hex') };
}

/** Name of the first part that is missing or does not have the digest that the manifest gives it; undefined when all do. */
export async function damagedPart(
  folder: string,
  { parts }: Pick<Manifest, 'parts'>,
  onPart: (done: number) => void = () => undefined,
): Promise<string | undefined> {
  for (const [index, { file, sha256 }] of parts.entries()) {
    const found = await digestOf(join(folder, file)).catch(() => null);
    if (found !== sha256) return file;
    onPart(index + 1);
  }
  return undefined;
}

/** The manifest in the bytes of a file; null when they are none. */
export function parseManifest(bytes: Buffer): Manifest | null {
  const parsed = manifestSchema.safeParse(parseJson(bytes.toString('utf8')));
  return parsed.success ? parsed.data : null;
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
