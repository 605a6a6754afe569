import { Command } from 'commander';
import { EXIT_CODES } from '../operator-error.ts';
import { printJson, tell } from '../output.ts';
import { dataOption } from './data-option.ts';
import { setOption, variableOption, type RecipeOptions } from './recipe-options.ts';
import { startText } from './start-text.ts';
import { watchToEnd } from './watch-to-end.ts';

interface StartOptions extends RecipeOptions {
  readonly data?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

const HELP = `
The recipe's name is the run's name. Started again with the same recipe, a run that goes on is left alone and a
cancelled one is taken up where it was, once its jobs have stopped; a finished one is not run again. With another recipe
of the same name nothing happens but a list of the differences.

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
      const { withWritableStore } = await import('../run/store-access.ts');
      const { resolveDataFolder } = await import('../stack/data-folder.ts');
      const loaded = await loadRecipe(file, { set: options.set, variables: options.var });
      for (const { message } of loaded.warnings) tell(`warning: ${message}`);
      const dataFolder = resolveDataFolder(options.data);
      await withWritableStore(options.data, 'files', async (database) => {
        const start = await startRun(database, options.data, dataFolder, loaded);
        const { kind, row, link } = start;
        const { run, status, digest } = row;
        const watched = options.watch === true && kind !== 'ended';
        if (options.json === true && !watched) {
          printJson({ run, kind, status: kind === 'resumed' ? 'Running' : status, digest, link });
        } else {
          tell(startText(start));
        }
        if (kind === 'ended' && status === 'Failed') process.exitCode = EXIT_CODES.runStopped;
        if (watched) await watchToEnd(database, dataFolder, run, options.json === true);
      });
    });
}
