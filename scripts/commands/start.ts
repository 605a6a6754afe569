import { Command } from 'commander';
import { EXIT_CODES } from '../operator-error.ts';
import { pairs, print, printJson, tell } from '../output.ts';
import { dataOption } from './data-option.ts';
import { setOption, variableOption, type RecipeOptions } from './recipe-options.ts';

interface StartOptions extends RecipeOptions {
  readonly data?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

const HELP = `
The recipe's name is the run's name. Started again with the same recipe, a run that goes on is left alone and a
cancelled one is taken up where it was; a finished one is not run again. With another recipe of the same name nothing
happens but a list of the differences.

Example:
  thoughtloop start deploy/recipes/micro.toml --var data=micro --watch
  thoughtloop start recipe.toml --set e-step.samples=8 --set name=k8`;

/** `thoughtloop start`. */
export function startCommand(): Command {
  return new Command('start')
    .description('start a run, or take it up again')
    .argument('<recipe>', 'recipe file (TOML)')
    .addOption(setOption())
    .addOption(variableOption())
    .option('--watch', 'show progress until the run ends or waits for a decision')
    .addOption(dataOption())
    .option('--json', 'print the result as JSON')
    .addHelpText('after', HELP)
    .action(async (file: string, options: StartOptions) => {
      const { loadRecipe } = await import('../recipe/load.ts');
      const { startRun } = await import('../run/start-run.ts');
      const { withStore } = await import('../run/store-access.ts');
      const { resolveDataFolder } = await import('../stack/data-folder.ts');
      const loaded = await loadRecipe(file, { set: options.set, variables: options.var });
      for (const { message } of loaded.warnings) tell(`warning: ${message}`);
      const dataFolder = resolveDataFolder(options.data);
      await withStore(options.data, async (database) => {
        const { kind, row, link } = await startRun(database, options.data, dataFolder, loaded);
        const { run, status } = row;
        if (options.json === true && options.watch !== true) {
          printJson({ run, kind, status: kind === 'resumed' ? 'Running' : status, digest: row.digest, link });
        } else if (kind === 'ended') {
          tell(
            `Run ${run} is over (${status}): it is not run again. \`thoughtloop report ${run}\` shows what came out.`,
          );
        } else {
          tell(
            `${{ started: `Run ${run} started.`, resumed: `Run ${run} goes on where it was.`, running: status === 'Parked' ? `Run ${run} waits for a decision: \`thoughtloop status ${run}\`.` : `Run ${run} goes on.` }[kind]}\n` +
              pairs([
                ...(link === undefined ? [] : ([['Web UI', link]] as const)),
                ['progress', `thoughtloop watch ${run}`],
              ]),
          );
        }
        if (kind === 'ended' && status === 'Failed') process.exitCode = EXIT_CODES.runStopped;
        if (options.watch === true && kind !== 'ended')
          await watchToTheEnd(database, dataFolder, run, options.json === true);
      });
    });
}

async function watchToTheEnd(
  database: import('../../activities/store/pool.ts').Database,
  dataFolder: string,
  run: string,
  json: boolean,
): Promise<void> {
  const { exitCodeOf, watchRun } = await import('../run/watch-run.ts');
  const { resultsTable } = await import('../run/results-table.ts');
  const overview = await watchRun({ database, dataFolder, run, out: json ? process.stderr : process.stdout });
  if (json) printJson(overview);
  else if (!process.stdout.isTTY) print(`\n${resultsTable(overview.results)}`);
  process.exitCode = exitCodeOf(overview);
}
