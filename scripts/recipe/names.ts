/**
 * Names in a recipe file and in the program: tables are kebab-case (`e-step`), keys are snake_case
 * (`max_thought_tokens`), both are camelCase in `Recipe`.
 */

const toCamel = (name: string): string => name.replace(/[-_]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const split = (name: string, separator: string): string =>
  name.replace(/[A-Z]/g, (letter) => separator + letter.toLowerCase());

/** Tables of a recipe file; every other name is a key. */
const TABLES = new Set([
  'corpus',
  'model',
  'segmentation',
  'warmStart',
  'eStep',
  'mStep',
  'arms',
  'evaluation',
  'benchmarks',
  'heldOut',
  'shots',
  'fleet',
]);

/** Name under which a recipe file has what the program calls `name`, where `inside` is the name of the table around it. */
export function fileName(name: string, inside?: string): string {
  // `corpus.warm_start` is a key, `[warm-start]` a table of the same name.
  return TABLES.has(name) && inside !== 'corpus' ? split(name, '-') : split(name, '_');
}

/**
 * Path in a recipe file of a path in `Recipe`, e.g. `['eStep', 'maxRejected']` → `e-step.max_rejected`. A training's budget
 * is no table of its own in a file.
 */
export function filePath(path: readonly (string | number)[]): string {
  return path
    .filter((segment) => segment !== 'budget')
    .map((segment, index) =>
      typeof segment === 'number' ? String(segment) : fileName(segment, String(path[index - 1])),
    )
    .join('.');
}

/** Path in `Recipe` of a path in a recipe file; names in any of the three cases are understood. */
export function recipePath(path: string): (string | number)[] {
  return path.split('.').map((segment) => (/^\d+$/.test(segment) ? Number(segment) : toCamel(segment)));
}

/**
 * The file's tables with names as in `Recipe`. A name that is not written the file's way is marked, so that the schema
 * does not know it and it is reported together with the right way to write it.
 */
export function withRecipeNames(value: unknown, inside?: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withRecipeNames(item, inside));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const own = toCamel(name);
      const known = fileName(own, inside) === name ? own : MISNAMED + name;
      return [known, withRecipeNames(item, known)];
    }),
  );
}

/** Stands before a name that is not written the file's way; no key of the schema has it. */
const MISNAMED = '!';

/** The name as the file has it, of a name that {@link withRecipeNames} may have marked, in the table `inside`. */
export const asWritten = (name: string, inside: string): string =>
  name.startsWith(MISNAMED) ? name.slice(MISNAMED.length) : fileName(name, inside);
