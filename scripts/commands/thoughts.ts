import { Command } from 'commander';
import { MAIN_ARM } from '../../workflows/contract/ids.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { print, printJson } from '../output.ts';
import { dataOption } from './data-option.ts';
import { wholeNumber } from './whole-number.ts';

interface ThoughtsOptions {
  readonly data?: string;
  readonly iteration?: number;
  readonly arm: string;
  readonly number: number;
  readonly rejected?: boolean;
  readonly peaked?: boolean;
  readonly json?: boolean;
}

const HELP = `
Of each candidate: log q = log probability of sampling it, log p = joint log probability with the chunk, w = its share
of the chunk's weight; * marks the selected one.

Example:
  thoughtloop thoughts micro -i 1 -n 5
  thoughtloop thoughts micro -i 1 --rejected`;

/** `thoughtloop thoughts`. */
export function thoughtsCommand(): Command {
  return new Command('thoughts')
    .description('read sampled thoughts beside their chunks, with their weights')
    .argument('<run>', 'name of the run')
    .option('-i, --iteration <t>', 'iteration (default: the newest that has thoughts)', wholeNumber(1, 1_000))
    .option('--arm <arm>', 'arm of the run', MAIN_ARM)
    .option('-n, --number <n>', 'chunks', wholeNumber(1, 10_000), 5)
    .option('--rejected', 'chunks without a thought, with the reason')
    .option('--peaked', 'chunks of which one candidate has all the weight')
    .addOption(dataOption())
    .option('--json', 'print the chunks as JSON')
    .addHelpText('after', HELP)
    .action(async (run: string, options: ThoughtsOptions) => {
      const { eStepsOf } = await import('../../activities/report/queries/distributions.ts');
      const { thoughtChunks } = await import('../../activities/report/queries/thoughts.ts');
      const { existingRun, withStore } = await import('../run/store-access.ts');
      const { thoughtsText } = await import('../run/thoughts-text.ts');
      const chunks = await withStore(options.data, async (database) => {
        const { recipe } = await existingRun(database, run);
        const arms = [MAIN_ARM, ...recipe.arms.flatMap(({ name, kind }) => (kind === 'latent' ? [name] : []))];
        if (!arms.includes(options.arm)) throw noThoughts(run, options.arm, arms);
        const newest = (await eStepsOf(database, run)).filter(({ arm }) => arm === options.arm).at(-1)?.iteration;
        const iteration = options.iteration ?? newest ?? 1;
        const selection = options.rejected === true ? 'rejected' : options.peaked === true ? 'peaked' : 'spread';
        return thoughtChunks(database, { run, arm: options.arm, iteration }, selection, options.number);
      });
      if (options.json === true) printJson(chunks);
      else if (chunks.length > 0) print(thoughtsText(chunks));
      else print(options.rejected === true ? 'No rejected chunks there.' : 'No thoughts there yet.');
    });
}

function noThoughts(run: string, arm: string, arms: readonly string[]): OperatorError {
  return new OperatorError({
    expected: `an arm of run ${run} that samples thoughts: ${arms.join(', ')}`,
    found: `\`${arm}\``,
    remedy: 'Name one of these with --arm.',
    exitCode: EXIT_CODES.badInput,
  });
}
