import { randomUUID } from 'node:crypto';
import { access, readFile, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { z } from 'zod';
import type { DocumentRange } from '../../workflows/contract/references.ts';
import { isMissing } from '../clusters/atomic-json.ts';
import { writeDurably } from '../corpus/durable-file.ts';
import { addExtents, NOTHING, type TrainingDocument } from './training-document.ts';
import { manifestSchema, partName, writeParts, type Manifest } from './training-set-files.ts';

/** What there is of a training set, or of a range of its documents. */
export type Written = Pick<Manifest, 'parts' | 'documents' | 'chunks' | 'tokens' | 'rawTokens' | 'leftOut'>;

const writtenSchema = manifestSchema.omit({
  vocabulary: true,
  markers: true,
  source: true,
}) satisfies z.ZodType<Written>;

/** Beside the parts of a range: what there is of it. */
const WRITTEN = 'range.json';

const rangeFolder = (draft: string, { from, to }: DocumentRange): string => join(draft, `documents-${from}-${to}`);

/** A range that was written into a draft; null where it was not, or a part of it is missing. */
export async function readRange(draft: string, range: DocumentRange): Promise<Written | null> {
  const folder = rangeFolder(draft, range);
  try {
    const written = writtenSchema.parse(JSON.parse(await readFile(join(folder, WRITTEN), 'utf8')));
    for (const { file } of written.parts) await access(join(folder, file));
    return written;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/**
 * Writes the parts of a range into a draft: into a folder of its own first, so that an attempt that was given up and the one
 * that follows it do not meet. Equal documents give equal bytes.
 * @throws DiskFull and what `documents` throws; nothing of the range is left then
 */
export async function writeRange(
  draft: string,
  range: DocumentRange,
  documents: AsyncIterable<TrainingDocument | null>,
  onDocument: (documents: number) => void,
): Promise<Written> {
  const folder = rangeFolder(draft, range);
  const temporary = `${folder}.tmp-${randomUUID()}`;
  try {
    const written = await writeParts(temporary, documents, onDocument);
    await writeDurably(join(temporary, WRITTEN), (handle) => handle.writeFile(JSON.stringify(written)));
    // What another attempt put there meanwhile is the same; what is there without all of its parts was given up.
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder).catch(async (error: NodeJS.ErrnoException) => {
      // Another attempt was there between the two.
      if (error.code !== 'ENOTEMPTY' || (await readRange(draft, range)) === null) throw error;
    });
    return written;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** A set put together from its ranges in order: `sources` are where the parts stand, relative to the draft. */
export function joinRanges(
  draft: string,
  ranges: readonly { readonly range: DocumentRange; readonly written: Written }[],
): Written & { readonly sources: readonly string[] } {
  const parts: Manifest['parts'] = [];
  const sources: string[] = [];
  let whole = NOTHING;
  let leftOut = 0;
  for (const { range, written } of ranges) {
    for (const part of written.parts) {
      sources.push(join(relative(draft, rangeFolder(draft, range)), part.file));
      parts.push({ ...part, file: partName(parts.length) });
    }
    whole = addExtents(whole, written);
    leftOut += written.leftOut;
  }
  return { parts, ...whole, leftOut, sources };
}
