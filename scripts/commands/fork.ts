import { Command } from 'commander';
import { EXIT_CODES } from '../operator-error.ts';
import { printJson, tell } from '../output.ts';
import { dataOption } from './data-option.ts';
import { setOption, variableOption, type RecipeOptions } from './recipe-options.ts';
import { startText } from './start-text.ts';
import { watchToEnd } from './watch-to-end.ts';
import { wholeNumber } from './whole-number.ts';

interface ForkOptions extends RecipeOptions {
  readonly data?: string;
  readonly fromIteration: number;
  readonly name: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

const HELP = `
The new run has the recipe of RUN with the changes of --set, and goes on with the iteration after T. The base model,
M_0 ... M_T, their thoughts, training sets and figures are shared: nothing of them is done again or copied, and nothing
of RUN is changed. RUN may be under way, parked, failed or cancelled, and a fork itself, as long as iteration T of its
EM loop is finished; 0 is the warm start. Arms of comparison are the fork's own.

  can be changed      e-step, m-step (its init too), iterations (T at least), arms, fleet, new benchmarks
  from T = 0 only     corpus.train, segmentation, fidelity
  cannot be changed   seed, model, corpus.name, corpus.warm_start, warm-start, and measures that keep their name:
                      start another run

A budget that is set (steps, tokens, passes) replaces the one that RUN had. A fork reads the documents that were imported
when RUN was started. The same fork again finds the run, and takes it up again where it was cancelled, as
\`thoughtloop start\` does with its recipe.

Example:
  thoughtloop fork micro --from-iteration 1 --name micro-k8 --set e-step.samples=8
  thoughtloop fork micro --from-iteration 3 --name longer --set iterations=5 --watch`;

/** `thoughtloop fork`. */
export function forkCommand(): Command {
  return new Command('fork')
    .description('start a run that goes on from a finished iteration of another, with changes')
    .argument('<run>', 'name of the run')
    .requiredOption('--from-iteration <t>', 'last iteration that is shared', wholeNumber(0, 1_000))
    .requiredOption('--name <name>', 'name of the new run')
    .addOption(setOption())
    .addOption(variableOption())
    .option('--watch', 'show progress until the run ends or waits for a decision')
    .addOption(dataOption())
    .option('--json', 'print the result as JSON')
    .addHelpText('after', HELP)
    .action(async (run: string, options: ForkOptions) => {
      const { forkRun } = await import('../run/fork-run.ts');
      const { existingRun, withWritableStore } = await import('../run/store-access.ts');
      const { resolveDataFolder } = await import('../stack/data-folder.ts');
      const dataFolder = resolveDataFolder(options.data);
      const { fromIteration: iteration, name, set, var: variables } = options;
      await withWritableStore(options.data, 'files', async (database) => {
        const source = await existingRun(database, run);
        const asked = { iteration, name, set, variables };
        const { start, warnings } = await forkRun(database, options.data, dataFolder, source, asked);
        for (const { message } of warnings) tell(`warning: ${message}`);
        const { kind, row, link } = start;
        const watched = options.watch === true && kind !== 'ended';
        if (options.json === true && !watched) {
          const status = kind === 'resumed' ? 'Running' : row.status;
          printJson({ run: row.run, kind, status, digest: row.digest, fork: row.fork, link });
        } else {
          tell(startText(start));
        }
        if (kind === 'ended' && row.status === 'Failed') process.exitCode = EXIT_CODES.runStopped;
        if (watched) await watchToEnd(database, dataFolder, row.run, options.json === true);
      });
    });
}
