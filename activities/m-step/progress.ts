import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../clusters/atomic-json.ts';
import { tailLines } from '../clusters/file-tail.ts';

const ProgressLine = z.object({
  step: z.int().nonnegative(),
  steps: z.int().nonnegative().nullish(),
  loss: z.number().nullish(),
  tokensPerSecond: z.number().nullish(),
  at: z.iso.datetime({ offset: true }),
});

/** The newest line that a trainer wrote about itself. */
export interface TrainingProgress {
  readonly step: number;
  /** Steps of the whole training, where the trainer says so. */
  readonly steps: number | null;
  /** Nats a token. */
  readonly loss: number | null;
  readonly tokensPerSecond: number | null;
  readonly at: string;
  /** Median time between its last lines, seconds; null with fewer than two. */
  readonly paceSeconds: number | null;
}

/** Lines whose times make the pace. */
const PACE_LINES = 50;

/**
 * Reads the end of a training's `progress.jsonl`; null where there is no whole line yet.
 * @param folder Output folder of the training, or its job's folder, which has a link to the file.
 */
export async function readProgress(folder: string): Promise<TrainingProgress | null> {
  const lines = (await tailLines(join(folder, 'progress.jsonl'))).flatMap((line) => {
    // A line that a kill cut off is no line.
    const parsed = ProgressLine.safeParse(parseJson(line));
    return parsed.success ? [parsed.data] : [];
  });
  const last = lines.at(-1);
  if (last === undefined) return null;
  const times = lines.slice(-PACE_LINES).map(({ at }) => Date.parse(at));
  return {
    step: last.step,
    steps: last.steps ?? null,
    loss: last.loss ?? null,
    tokensPerSecond: last.tokensPerSecond ?? null,
    at: last.at,
    paceSeconds: median(times.slice(1).map((time, index) => (time - (times[index] ?? time)) / 1000)),
  };
}

const median = (values: readonly number[]): number | null =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null;
