import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const line = z.object({
  step: z.number(),
  steps: z.number().optional(),
  loss: z.number(),
  tokens: z.number().optional(),
  tokensPerSecond: z.number().optional(),
});

/** Where a training is, from the last line that the trainer wrote. */
export type TrainerProgress = z.infer<typeof line>;

/** Bytes of the file's end that are read: many lines of a progress file. */
const TAIL_BYTES = 8_192;

/** Where a trainer may write its progress: into its own folder, or into the output that its generations share. */
const PLACES = ['progress.jsonl', 'output/progress.jsonl', '../output/progress.jsonl'];

/**
 * The newest progress of a training, or null when there is none yet.
 * @param folder the job's folder, relative to the data folder or absolute
 */
export async function trainerProgress(dataFolder: string, folder: string): Promise<TrainerProgress | null> {
  for (const place of PLACES) {
    const text = await tail(join(resolve(dataFolder, folder), place));
    for (const row of text.split('\n').reverse()) {
      // The last line may be half written, and the first cut in two.
      const parsed = line.safeParse(parseJson(row));
      if (parsed.success) return parsed.data;
    }
  }
  return null;
}

async function tail(path: string): Promise<string> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
