import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const id = z.int().nonnegative();

const descriptionSchema = z.object({
  beginning: id,
  end: id,
  markers: z.object({ startOfLatent: id, endOfLatent: id, priorPrefix: id, posteriorPrefix: id }),
  vocabularySize: z.int().positive(),
  contextLength: z.int().positive(),
});

const fingerprintSchema = z
  .object({
    ids: z.array(z.array(id).min(2)).min(1),
    logprobs: z.array(z.array(z.number())),
    dtype: z.enum(['float32', 'bfloat16', 'float16']),
  })
  .refine(({ ids, logprobs }) => ids.every((sequence, i) => logprobs[i]?.length === sequence.length - 1), {
    message: 'Expected a log probability for every id but the first of each sequence',
  });

/** `thoughtloop.json` of a model folder: the ids that prompts are spliced from. */
export type ModelDescription = z.infer<typeof descriptionSchema>;

/**
 * `fingerprint.json`, written with the checkpoint: fixed sequences that begin with BOS, and the log probabilities (nats)
 * of their ids from the second on, as the trainer's own model gives them in the dtype it is served in.
 */
export type Fingerprint = z.infer<typeof fingerprintSchema>;

async function read<Shape>(file: string, schema: z.ZodType<Shape>): Promise<Shape> {
  const text = await readFile(file, 'utf8');
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new Error(`Expected a valid ${file}, found: ${z.prettifyError(parsed.error)}. Write the checkpoint anew`);
}

/**
 * Reads `thoughtloop.json`.
 * @param folder the model folder (the one with `config.json`)
 * @throws when the file is missing or not valid
 */
export async function readModelDescription(folder: string): Promise<ModelDescription> {
  return read(join(folder, 'thoughtloop.json'), descriptionSchema);
}

/**
 * Reads a fingerprint.
 * @param file path of `fingerprint.json`
 * @throws when the file is missing or not valid
 */
export async function readFingerprint(file: string): Promise<Fingerprint> {
  return read(file, fingerprintSchema);
}
