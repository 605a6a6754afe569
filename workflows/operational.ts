import { OPERATIONAL_PATHS, type Recipe } from './contract/recipe.ts';

type Tree = Record<string, unknown>;

/** `e-step.max_rejected` as written in recipes → `eStep.maxRejected` as named in the contract. */
export function contractPath(path: string): string {
  return path.replace(/[-_]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function valueAt(tree: Tree, path: string): unknown {
  return path.split('.').reduce<unknown>((node, key) => (node as Tree | undefined)?.[key], tree);
}

/**
 * Why a change may not be made on a run under way, or undefined when it may: only operational settings can change,
 * to a value of the same kind. What changes the science needs a fork.
 */
export function refusal(recipe: Recipe, set: Readonly<Record<string, unknown>>): string | undefined {
  for (const [written, value] of Object.entries(set)) {
    const path = contractPath(written);
    if (!(OPERATIONAL_PATHS as readonly string[]).includes(path)) {
      return (
        `Expected an operational setting, found ${written}: it changes what the run computes, so use ` +
        '`thoughtloop fork` for it'
      );
    }
    const present = valueAt(recipe as unknown as Tree, path);
    if (present !== null && (typeof present !== typeof value || Array.isArray(present) !== Array.isArray(value))) {
      return `Expected ${written} to be a ${Array.isArray(present) ? 'list' : typeof present}, found ${JSON.stringify(value)}`;
    }
    if (typeof value === 'number' && !(Number.isFinite(value) && value >= 0)) {
      return `Expected ${written} to be a number ≥ 0, found ${value}`;
    }
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
