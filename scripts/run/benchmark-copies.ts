import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { problemFilePath } from '../../activities/evaluation/problem-file.ts';
import type { BenchmarkFiles, DataFile } from '../recipe/data-files.ts';

/**
 * Copies the recipe's benchmark files to `<data>/benchmarks/<sha256>.jsonl`, where evaluators on other machines find
 * them and nobody changes them. A copy that is there stays.
 */
export async function keepBenchmarkFiles(dataFolder: string, files: readonly BenchmarkFiles[]): Promise<void> {
  for (const { problems, shots } of files) {
    await keep(dataFolder, problems);
    if (shots !== null) await keep(dataFolder, shots);
  }
}

async function keep(dataFolder: string, { path, digest }: DataFile): Promise<void> {
  const target = problemFilePath(dataFolder, digest);
  if (await exists(target)) return;
  await mkdir(dirname(target), { recursive: true });
  const draft = `${target}.${process.pid}`;
  try {
    await copyFile(path, draft);
    const written = await open(draft, 'r+');
    await written.sync().finally(() => written.close());
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
