import { Command } from 'commander';
import { dataOption } from './data-option.ts';
import { watchToEnd } from './watch-to-end.ts';

const HELP = `
On a terminal the view is redrawn; in a log there is a line whenever something happens, and at least one a minute.
It ends when the run ends (exit code 0 when completed, else 4) or waits for a decision (4).

Example:
  thoughtloop watch micro`;

/** `thoughtloop watch`. */
export function watchCommand(): Command {
  return new Command('watch')
    .description('follow a run until it ends or waits for a decision')
    .argument('<run>', 'name of the run')
    .addOption(dataOption())
    .option('--json', 'at the end, print the state as JSON; progress goes to stderr')
    .addHelpText('after', HELP)
    .action(async (run: string, { data, json }: { readonly data?: string; readonly json?: boolean }) => {
      const { existingRun, withStore } = await import('../run/store-access.ts');
      const { resolveDataFolder } = await import('../stack/data-folder.ts');
      await withStore(data, async (database) => {
        await existingRun(database, run);
        await watchToEnd(database, resolveDataFolder(data), run, json === true);
      });
    });
}
