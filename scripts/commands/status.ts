import { Command } from 'commander';
import { print, printJson } from '../output.ts';
import { dataOption } from './data-option.ts';

const HELP = `
Everything but the line about Temporal comes from the database and the data folder: it answers also when no worker and
no Temporal server is up.

Example:
  thoughtloop status micro`;

/** `thoughtloop status`. */
export function statusCommand(): Command {
  return new Command('status')
    .description('where a run is, what it does, what came out so far')
    .argument('<run>', 'name of the run')
    .addOption(dataOption())
    .option('--json', 'print the state as JSON')
    .addHelpText('after', HELP)
    .action(async (run: string, { data, json }: { readonly data?: string; readonly json?: boolean }) => {
      const { existingRun, withStore } = await import('../run/store-access.ts');
      const { readOverview } = await import('../run/overview.ts');
      const { overviewText } = await import('../run/overview-text.ts');
      const { askTemporal, temporalLine } = await import('../run/temporal-word.ts');
      const { resolveDataFolder } = await import('../stack/data-folder.ts');
      const { examineStore } = await import('../../activities/store/data-folder.ts');
      const dataFolder = resolveDataFolder(data);
      const [{ overview, store }, temporal] = await Promise.all([
        withStore(data, async (database) => ({
          overview: await readOverview(database, dataFolder, await existingRun(database, run)),
          store: await examineStore({ database, dataFolder }),
        })),
        askTemporal(data, run),
      ]);
      const { complaint } = store;
      if (json === true) printJson({ ...overview, temporal, store: complaint ?? null });
      else {
        const unfinished = overview.run.endedAt === null;
        const trouble =
          complaint === undefined
            ? ''
            : `\nStore: ${complaint.type}: expected ${complaint.expected}, found ${complaint.found}. ${complaint.remedy}`;
        print(`${overviewText(overview)}\n\nTemporal: ${temporalLine(temporal, run, unfinished)}${trouble}`);
      }
    });
}
