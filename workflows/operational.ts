import type { OPERATIONAL_PATHS, Recipe } from './contract/recipe.ts';

type Tree = Record<string, unknown>;

/** `e-step.max_rejected` as written in recipes → `eStep.maxRejected` as named in the contract. */
export function contractPath(path: string): string {
  return path.replace(/[-_]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** What a value must be. */
interface Rule {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

const isPositive = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value > 0;
const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

const count: Rule = {
  expected: 'a whole number ≥ 1',
  holds: (value) => isPositive(value) && Number.isSafeInteger(value),
};
const positive: Rule = { expected: 'a number > 0', holds: isPositive };
const share: Rule = {
  expected: 'a number of 0 … 1',
  holds: (value) => typeof value === 'number' && value >= 0 && value <= 1,
};
const flag: Rule = { expected: 'true or false', holds: (value) => typeof value === 'boolean' };
const text: Rule = { expected: 'a text', holds: isText };
const orNull = ({ expected, holds }: Rule): Rule => ({
  expected: `${expected}, or null for the default`,
  holds: (value) => value === null || holds(value),
});

const RULES: Readonly<Record<(typeof OPERATIONAL_PATHS)[number], Rule>> = {
  'eStep.shardsPerBatch': count,
  'eStep.batchesAtOnce': count,
  'eStep.concurrency': count,
  'eStep.chunksInFlight': count,
  'eStep.requestTimeoutSeconds': positive,
  'eStep.maxRejected': share,
  'eStep.keep': { expected: '"all" or "selected"', holds: (value) => value === 'all' || value === 'selected' },
  'mStep.cluster': text,
  'mStep.checkpointEvery': count,
  'warmStart.checkpointEvery': count,
  'evaluation.concurrency': count,
  'evaluation.required': flag,
  'fleet.servers': count,
  'fleet.cluster': text,
  'fleet.maxNumSeqs': orNull(count),
  'fleet.kvCacheGigabytes': orNull(positive),
  'fleet.prefixCaching': flag,
  'fleet.arguments': { expected: 'a list of texts', holds: (value) => Array.isArray(value) && value.every(isText) },
  'fleet.startTimeoutSeconds': positive,
};

/**
 * Why a change may not be made on a run under way, or undefined when it may: only operational settings can change,
 * to a value that a recipe may have there. What changes the science needs another run.
 */
export function refusal(set: Readonly<Record<string, unknown>>): string | undefined {
  for (const [written, value] of Object.entries(set)) {
    const path = contractPath(written);
    if (!Object.hasOwn(RULES, path)) {
      return (
        `Expected an operational setting, found ${written}: it changes what the run computes, so ` +
        'go on with it in another run (`thoughtloop fork`)'
      );
    }
    const { expected, holds } = RULES[path as keyof typeof RULES];
    if (!holds(value)) return `Expected ${written} to be ${expected}, found ${JSON.stringify(value)}`;
  }
  return undefined;
}

/** The recipe with operational settings set anew. */
export function withSettings(recipe: Recipe, set: Readonly<Record<string, unknown>>): Recipe {
  const change = (node: Tree, [key, ...rest]: readonly string[], value: unknown): Tree =>
    key === undefined
      ? node
      : { ...node, [key]: rest.length === 0 ? value : change((node[key] ?? {}) as Tree, rest, value) };
  return Object.entries(set).reduce<Tree>(
    (tree, [path, value]) => change(tree, contractPath(path).split('.'), value),
    recipe as unknown as Tree,
  ) as unknown as Recipe;
}
