import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readReportData } from '../../activities/report/report-data.ts';
import { renderReport } from '../../activities/report/report.ts';
import type { Database } from '../../activities/store/pool.ts';
import type { RunRow } from '../../activities/store/runs.ts';
import { renderRecipe } from '../recipe/render.ts';
import { programVersions } from './program-versions.ts';

/**
 * Writes a run's report as one HTML file; a reader sees the old one or the new one.
 *
 * @param file where to; `<data>/runs/<run>/report.html` when not given
 * @returns its absolute path
 */
export async function writeReport(database: Database, dataFolder: string, row: RunRow, file?: string): Promise<string> {
  const path = resolve(file ?? join(dataFolder, 'runs', row.run, 'report.html'));
  const data = await readReportData(database, row);
  const page = await renderReport(data, {
    recipeToml: renderRecipe(row.recipe),
    versions: await programVersions(database),
    madeAt: new Date(),
  });
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  try {
    await writeFile(draft, page);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return path;
}
