import { copyFile, mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchmarkFiles, DataFile } from '../recipe/data-files.ts';

/**
 * Copies the recipe's benchmark files to `<data>/benchmarks/<sha256>.jsonl`, where evaluators on other machines find
 * them and nobody changes them. A copy that is there stays.
 */
export async function keepBenchmarkFiles(dataFolder: string, files: readonly BenchmarkFiles[]): Promise<void> {
  const folder = join(dataFolder, 'benchmarks');
  await mkdir(folder, { recursive: true });
  for (const { problems, shots } of files) {
    await keep(folder, problems);
    if (shots !== null) await keep(folder, shots);
  }
}

async function keep(folder: string, file: DataFile): Promise<void> {
  const target = join(folder, `${file.digest}.jsonl`);
  if (await exists(target)) return;
  const draft = `${target}.${process.pid}`;
  await copyFile(file.path, draft);
  const written = await open(draft, 'r+');
  await written.sync();
  await written.close();
  await rename(draft, target);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
