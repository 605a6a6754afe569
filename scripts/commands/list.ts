import { Command } from 'commander';
import type { RunRow } from '../../activities/store/runs.ts';
import { print, printJson, table } from '../output.ts';
import { dataOption } from './data-option.ts';

const HELP = `
Example:
  thoughtloop list`;

/** `thoughtloop list`. */
export function listCommand(): Command {
  return new Command('list')
    .description('all runs, the newest first')
    .addOption(dataOption())
    .option('--json', 'print the runs as JSON')
    .addHelpText('after', HELP)
    .action(async ({ data, json }: { readonly data?: string; readonly json?: boolean }) => {
      const { describeFork, listRuns } = await import('../../activities/store/runs.ts');
      const { withStore } = await import('../run/store-access.ts');
      const rows = await withStore(data, listRuns);
      if (json === true)
        return printJson(rows.map(({ recipe, ...row }) => ({ ...row, iterations: recipe.iterations })));
      if (rows.length === 0)
        return print('No run yet. `thoughtloop demo` shows one; `thoughtloop start RECIPE` starts yours.');
      const forks = rows.some(({ fork }) => fork !== null);
      print(
        table(rows, [
          { heading: 'run', cell: ({ run }) => run },
          ...(forks
            ? [{ heading: 'fork of', cell: ({ fork }: RunRow) => (fork === null ? undefined : describeFork(fork)) }]
            : []),
          { heading: 'status', cell: ({ status }) => status },
          { heading: 'phase', cell: ({ phase }) => phase },
          { heading: 'arm', cell: ({ arm }) => arm },
          {
            heading: 'iteration',
            cell: ({ iteration, recipe }) => `${iteration} of ${recipe.iterations}`,
            align: 'right',
          },
          { heading: 'started', cell: ({ createdAt }) => createdAt.toLocaleString('sv') },
          { heading: 'last word', cell: ({ endedAt, updatedAt }) => (endedAt ?? updatedAt).toLocaleString('sv') },
        ]),
      );
    });
}
