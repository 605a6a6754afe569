import type { Database } from '../../activities/store/pool.ts';
import { print, printJson } from '../output.ts';

/**
 * Shows a run's progress until it ends or waits for a decision, then its models, and sets the exit code by how it ended.
 * @param json progress goes to stderr, and the run's last state to stdout
 */
export async function watchToEnd(database: Database, dataFolder: string, run: string, json: boolean): Promise<void> {
  const { exitCodeOf, watchRun } = await import('../run/watch-run.ts');
  const { resultsTable } = await import('../run/results-table.ts');
  const out = json ? process.stderr : process.stdout;
  const overview = await watchRun({ database, dataFolder, run, out });
  if (json) printJson(overview);
  // A terminal shows them already.
  else if (!out.isTTY) print(`\n${resultsTable(overview.results)}`);
  process.exitCode = exitCodeOf(overview);
}
