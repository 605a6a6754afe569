import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { problemFilePath } from '../../activities/evaluation/problem-file.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import type { Variables } from './data-files.ts';
import { forkRules } from './fork-rules.ts';
import { completeRecipe, overrides, type LoadedRecipe } from './load.ts';
import { withRecipeNames } from './names.ts';
import { RecipeError, type RecipeProblem } from './problems.ts';
import { renderRecipe } from './render.ts';

/** What a fork's recipe is made of. */
export interface ForkedRecipeInput {
  /** Resolved recipe of the run that is forked. */
  readonly source: Recipe;
  /** The last iteration that is shared. */
  readonly iteration: number;
  /** Name of the fork. */
  readonly name: string;
  /** `path=value` changes, as for a recipe file. */
  readonly set: readonly string[];
  /** Values of `{names}` in paths of new benchmark files. */
  readonly variables: Variables;
  /** Absolute path of the data folder, where benchmark files and the base model of the source are. */
  readonly dataFolder: string;
  readonly base: CheckpointRef;
}

/** Keys of a training's table of which it has one. */
const BUDGETS = ['steps', 'tokens', 'passes'];

/**
 * The recipe of a fork: its source's, resolved, as a recipe file under another name, with changes. It passes the same
 * checks as a file, and those of what a fork may change.
 *
 * @throws RecipeError with everything that is wrong
 */
export async function forkedRecipe(input: ForkedRecipeInput): Promise<LoadedRecipe> {
  const { source, iteration, name, set, variables, dataFolder, base } = input;
  const label = `recipe of run ${source.name}`;
  const refuse = (problems: readonly RecipeProblem[]): never => {
    throw new RecipeError(label, problems, () => undefined);
  };
  const resolved = withRecipeNames(parse(renderRecipe({ ...source, name }))) as Record<string, unknown>;
  const changes = overrides(set, []);
  if (changes.some(({ path }) => path.join('.') === 'name')) {
    refuse([
      { path: 'name', message: 'Expected the name of the fork in --name alone, found `--set name` too: drop it' },
    ]);
  }
  const tables = withoutReplacedBudgets(resolved, changes);
  const files = source.evaluation.benchmarks.flatMap(({ shots, ...problems }) => [problems, ...(shots ? [shots] : [])]);
  const copyOf = (file: string, digest: string): string | undefined => {
    const copy = problemFilePath(dataFolder, digest);
    return files.some((known) => known.file === file && known.digest === digest) && existsSync(copy) ? copy : undefined;
  };
  const modelFolder = join(dataFolder, base.folder, 'model');
  const place = { name: label, tables, folder: process.cwd(), lineOf: () => undefined, copyOf, modelFolder };
  const loaded = await completeRecipe(place, { set, variables });
  const { errors, warnings } = forkRules(source, loaded.recipe, iteration);
  if (errors.length > 0) refuse(errors);
  return { ...loaded, warnings: [...loaded.warnings, ...warnings] };
}

/** A budget that is set replaces the one that the source had, of whichever kind that was. */
function withoutReplacedBudgets(
  tables: Record<string, unknown>,
  changes: readonly { readonly path: readonly (string | number)[] }[],
): Record<string, unknown> {
  const result = { ...tables };
  for (const { path } of changes) {
    const [table = '', key = ''] = path;
    if (path.length !== 2 || !BUDGETS.includes(String(key))) continue;
    const settings = result[table] as Record<string, unknown> | undefined;
    if (settings === undefined) continue;
    result[table] = Object.fromEntries(Object.entries(settings).filter(([name]) => !BUDGETS.includes(name)));
  }
  return result;
}
