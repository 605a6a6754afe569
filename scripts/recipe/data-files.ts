import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import type { RecipeProblem } from './problems.ts';
import type { RecipeFile } from './schema.ts';

/** A file that a recipe names: where it is on this machine and what it holds. */
export interface DataFile {
  readonly path: string;
  /** sha256, hexadecimal. */
  readonly digest: string;
  /** Lines that are not blank. */
  readonly lines: number;
}

/** The files of one benchmark. */
export interface BenchmarkFiles {
  readonly problems: DataFile;
  readonly shots: DataFile | null;
}

/** Values of the `{names}` that a path in a recipe may begin with. */
export type Variables = Readonly<Record<string, string>>;

/**
 * Absolute path of what a recipe names: `{data}/…` from the variables, another relative path from the recipe's folder.
 *
 * @returns the path, or what is wrong with it
 */
export function locate(path: string, folder: string, variables: Variables): { path: string } | { problem: string } {
  const variable = /^\{([\w-]+)\}/.exec(path);
  if (variable === null) return { path: isAbsolute(path) ? path : resolve(folder, path) };
  const name = variable[1] ?? '';
  const value = variables[name];
  if (value === undefined || value === '') {
    const how =
      name === 'data' ? '--var data=FOLDER or the environment variable THOUGHTLOOP_SHARED_DATA' : `--var ${name}=…`;
    return { problem: `Expected a value of {${name}} in \`${path}\`, found none: give ${how}` };
  }
  return { path: resolve(value, path.slice(variable[0].length).replace(/^\/+/, '')) };
}

/** Where a recipe's files are looked for. */
export interface FilePlaces {
  /** Absolute path of the folder that relative paths are relative to. */
  readonly folder: string;
  readonly variables: Variables;
  /** Absolute path of the copy that a file of this digest is read from, where one was kept. */
  readonly copyOf?: ((file: string, digest: string) => string | undefined) | undefined;
}

/** Reads the files of all benchmarks; what cannot be read or differs from its stated digest goes into `problems`. */
export async function benchmarkFiles(
  benchmarks: RecipeFile['evaluation']['benchmarks'],
  { folder, variables, copyOf }: FilePlaces,
  problems: RecipeProblem[],
): Promise<BenchmarkFiles[]> {
  const read = async (file: string, digest: string | undefined, path: string): Promise<DataFile | null> => {
    const copy = digest === undefined ? undefined : copyOf?.(file, digest);
    const found = await dataFile(copy ?? file, folder, variables);
    if ('problem' in found) {
      problems.push({ path, message: found.problem });
      return null;
    }
    if (digest !== undefined && digest !== found.digest) {
      problems.push({
        path,
        message: `Expected \`${file}\` to have sha256 ${digest}, found ${found.digest} (${found.path})`,
      });
    }
    return found;
  };
  const files: BenchmarkFiles[] = [];
  for (const [index, { name, file, digest, shots }] of benchmarks.entries()) {
    const path = `evaluation.benchmarks.${index}`;
    const problemsFile = await read(file, digest, `${path}.file`);
    const shotsFile = shots === undefined ? null : await read(shots.file, shots.digest, `${path}.shots`);
    if (shots !== undefined && shotsFile !== null && shotsFile.lines < shots.count) {
      problems.push({
        path: `${path}.shots`,
        message: `Expected at least ${shots.count} examples for benchmark ${name}, found ${shotsFile.lines} in ${shotsFile.path}`,
      });
    }
    if (problemsFile !== null) files.push({ problems: problemsFile, shots: shotsFile });
  }
  return files;
}

async function dataFile(file: string, folder: string, variables: Variables): Promise<DataFile | { problem: string }> {
  const located = locate(file, folder, variables);
  if ('problem' in located) return located;
  try {
    const content = await readFile(located.path);
    const lines = content
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '').length;
    if (lines === 0) return { problem: `Expected problems, one a line, found an empty file: ${located.path}` };
    return { path: located.path, digest: createHash('sha256').update(content).digest('hex'), lines };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT')
      return { problem: `Expected a file of problems at ${located.path}, found none: mend the path or make the file` };
    if (code === 'EISDIR')
      return { problem: `Expected a file of problems at ${located.path}, found a folder: name the file in it` };
    throw error;
  }
}
