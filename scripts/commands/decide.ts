import { Argument, Command } from 'commander';
import type { Decision } from '../../workflows/contract/messages.ts';
import { print, printJson } from '../output.ts';
import { dataOption } from './data-option.ts';
import { setOption } from './recipe-options.ts';

interface DecideOptions {
  readonly data?: string;
  readonly set: readonly string[];
  readonly question?: string;
  readonly json?: boolean;
}

const HELP = `
retry  does the step again, with other operational settings where --set says so
skip   goes on without the step, where the loop can (an evaluation)
abort  ends the run as failed; its data stays

--question NAME, as \`status\` shows it, makes sure that the decision is for what you saw: a step that has parked anew since,
perhaps for another cause, is not answered by it.

Example:
  thoughtloop decide micro retry --set fleet.start_timeout_seconds=1200`;

/** `thoughtloop decide`. */
export function decideCommand(): Command {
  return new Command('decide')
    .description('tell a parked run what to do')
    .argument('<run>', 'name of the run')
    .addArgument(new Argument('<action>', 'what to do').choices(['retry', 'skip', 'abort']))
    .addOption(setOption('fleet.servers=2'))
    .option('--question <name>', 'the question that is answered, as `status` shows it')
    .addOption(dataOption())
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', HELP)
    .action(async (run: string, action: Decision['action'], options: DecideOptions) => {
      const { afterDecision, decide } = await import('../run/parked-decision.ts');
      const { existingRun, withWritableStore } = await import('../run/store-access.ts');
      const answer = await withWritableStore(options.data, 'database', async (database) => {
        const row = await existingRun(database, run);
        const decided = await decide(options.data, row, action, options.question, options.set);
        await afterDecision(database, row);
        return decided;
      });
      if (options.json === true) printJson({ run, ...answer });
      else print(`Decided: ${answer.action} (${answer.workflow}). \`thoughtloop watch ${run}\` shows how it goes on.`);
    });
}
