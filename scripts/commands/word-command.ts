import { Command } from 'commander';
import { print, printJson } from '../output.ts';
import type { Word } from '../run/operator-word.ts';
import { dataOption } from './data-option.ts';

/** A command that tells a run one word. */
export function wordCommand(
  word: Word,
  texts: { readonly description: string; readonly help: string; readonly done: (run: string) => string },
): Command {
  return new Command(word)
    .description(texts.description)
    .argument('<run>', 'name of the run')
    .addOption(dataOption())
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `\n${texts.help}\n\nExample:\n  thoughtloop ${word} micro`)
    .action(async (run: string, { data, json }: { readonly data?: string; readonly json?: boolean }) => {
      const { tellRun } = await import('../run/operator-word.ts');
      const { existingRun, withStore } = await import('../run/store-access.ts');
      const row = await withStore(data, (database) => existingRun(database, run));
      await tellRun(data, row, word);
      if (json === true) printJson({ run, told: word });
      else print(texts.done(run));
    });
}
