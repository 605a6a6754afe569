import { OPERATIONAL_PATHS, type Recipe } from '../../workflows/contract/recipe.ts';
import { filePath } from './names.ts';
import { nearestName } from './nearest-name.ts';
import { parseOverride } from './overrides.ts';
import type { RecipeProblem } from './problems.ts';
import { recipeFile } from './schema.ts';
import { schemaProblems } from './schema-problems.ts';

/** What `decide --set` asks for: recipe path → value, or everything that is wrong with it. */
export type OperationalSettings =
  | { readonly kind: 'settings'; readonly set: Readonly<Record<string, unknown>> }
  | { readonly kind: 'refused'; readonly problems: readonly RecipeProblem[] };

/**
 * Reads changes of a running recipe's operational settings. What changes the science is refused: it is fixed for the
 * life of a run, and another one can go on from what is finished.
 *
 * @param iteration the one that is under way
 */
export function operationalSettings(recipe: Recipe, texts: readonly string[], iteration: number): OperationalSettings {
  const problems: RecipeProblem[] = [];
  const set: Record<string, unknown> = {};
  for (const text of texts) {
    const override = parseOverride(text);
    if ('problem' in override) {
      problems.push({ path: '', message: override.problem });
      continue;
    }
    const path = override.path.join('.');
    if (!(OPERATIONAL_PATHS as readonly string[]).includes(path)) {
      problems.push({ path: filePath(override.path), message: refusal(recipe, override.path, text, iteration) });
      continue;
    }
    set[path] = override.value;
    problems.push(...valueProblems(override.path, override.value));
  }
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'settings', set };
}

function refusal(recipe: Recipe, path: readonly (string | number)[], text: string, iteration: number): string {
  const name = filePath(path);
  const operational = OPERATIONAL_PATHS.map((known) => filePath(known.split('.')));
  let value: unknown = recipe;
  for (const segment of path) value = (value as Record<string, unknown> | undefined)?.[String(segment)];
  if (value !== undefined) {
    const other =
      iteration === 0
        ? 'start another run with it (--set name=…)'
        : `\`thoughtloop fork ${recipe.name} --from-iteration ${iteration - 1} --name NAME --set ${text}\` goes on with it in another run`;
    return `\`${name}\` cannot be changed under way, since it changes what the run measures: ${other}; can be changed: ${operational.join(', ')}`;
  }
  const nearest = nearestName(name, operational);
  return `Unknown setting \`${name}\`: ${nearest === undefined ? `can be changed: ${operational.join(', ')}` : `did you mean \`${nearest}\`?`}`;
}

/** The schema's word on one value: a file with nothing else wrong is not needed, so only this path's issues count. */
function valueProblems(path: readonly (string | number)[], value: unknown): RecipeProblem[] {
  const [table = '', key = ''] = path;
  const parsed = recipeFile.safeParse({ [table]: { [key]: value } }, { reportInput: true });
  const issues = parsed.error?.issues.filter((issue) => issue.path.join('.') === path.join('.')) ?? [];
  return schemaProblems(issues);
}
