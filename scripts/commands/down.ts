import { Command } from 'commander';
import { print, printJson, tell } from '../output.ts';
import { dataOption } from './data-option.ts';

const HELP = `
Stops what \`thoughtloop up\` started for this data folder, and nothing else. Data stays; runs go on after the next
\`thoughtloop up\`. Training jobs and servers of a run are not part of the stack: \`thoughtloop cancel\` ends them.

Example:
  thoughtloop down`;

/** `thoughtloop down`. */
export function downCommand(): Command {
  return new Command('down')
    .description('stop the embedded stack; data stays')
    .addOption(dataOption())
    .option('--json', 'print the result as JSON')
    .addHelpText('after', HELP)
    .action(async ({ data, json }: { data?: string; json?: boolean }) => {
      const { stopStack } = await import('../stack/stop-stack.ts');
      const stopped = await stopStack({ dataFolder: data, onProgress: tell });
      if (json === true) printJson({ stopped });
      else print(stopped.length === 0 ? 'Nothing runs here.' : `Stopped ${stopped.join(', ')}.`);
    });
}
