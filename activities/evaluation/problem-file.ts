import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchmarkSettings } from '../../workflows/contract/recipe.ts';
import { failure } from '../failure.ts';
import { parseProblem, type Problem } from './problem.ts';

/** A benchmark's or few-shot file as a recipe names it. */
export interface ProblemFile {
  /** Path as written in the recipe: what messages name. */
  readonly file: string;
  /** sha256 of the content, hexadecimal. */
  readonly digest: string;
}

/** Where a run keeps its copy of a benchmark's file: by content, so that later changes of the original cannot enter it. */
export function problemFilePath(dataFolder: string, digest: string): string {
  return join(dataFolder, 'benchmarks', `${digest}.jsonl`);
}

/**
 * All problems of a file's content, in file order; blank lines are skipped.
 * @param file name for messages
 * @param least problems the file must have at least
 * @throws RecipeInvalid naming file and line
 */
export function parseProblems(
  format: BenchmarkSettings['format'],
  content: string,
  file: string,
  least = 1,
): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [at, line] of content
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (line.trim() === '') continue;
    const problem = parseProblem(format, line, problems.length);
    if ('invalid' in problem) {
      throw failure('RecipeInvalid', `${problem.invalid} in ${file}:${at + 1} (format ${format})`);
    }
    problems.push(problem);
  }
  if (problems.length < least) {
    throw failure('RecipeInvalid', `Expected at least ${least} problems in ${file}, found ${problems.length}`);
  }
  return problems;
}

/**
 * Reads the run's copy of a file and checks that it is the one the recipe means.
 * @throws RecipeInvalid when the copy is missing, has another digest, is not UTF-8, or a line is no problem
 */
export async function readProblems(
  dataFolder: string,
  format: BenchmarkSettings['format'],
  { file, digest }: ProblemFile,
  least = 1,
): Promise<readonly Problem[]> {
  const path = problemFilePath(dataFolder, digest);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw failure('RecipeInvalid', `Expected the run's copy of ${file} at ${path}, found none: start the run again`);
  });
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== digest) {
    throw failure(
      'RecipeInvalid',
      `Expected ${path} (copy of ${file}) with sha256 ${digest}, found ${found}: restore it`,
    );
  }
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw failure('RecipeInvalid', `Expected ${file} in UTF-8, found other bytes`);
  }
  return parseProblems(format, content, file, least);
}
