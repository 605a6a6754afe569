import { Command } from 'commander';
import type { SplitView } from '../corpora/corpus-view.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { pairs, print, printJson, table } from '../output.ts';
import { dataOption } from './data-option.ts';
import { wholeNumber } from './whole-number.ts';

const LIST_HELP = `
Example:
  thoughtloop corpus list`;

const SHOW_HELP = `
Example:
  thoughtloop corpus show micro --split em -n 5`;

/** `thoughtloop corpus list`. */
export function corpusListCommand(): Command {
  return new Command('list')
    .description('all corpora with their splits')
    .addOption(dataOption())
    .option('--json', 'print the splits as JSON')
    .addHelpText('after', LIST_HELP)
    .action(async ({ data, json }: { readonly data?: string; readonly json?: boolean }) => {
      const { listSplits } = await import('../../activities/store/corpora.ts');
      const { byteSize } = await import('../../activities/report/quantities.ts');
      const { withStore } = await import('../run/store-access.ts');
      const rows = await withStore(data, (database) => listSplits(database));
      if (json === true) return printJson(rows);
      if (rows.length === 0)
        return print('No corpus yet. `thoughtloop corpus import --help` says how to bring one in.');
      print(
        table(rows, [
          { heading: 'corpus', cell: ({ name }) => name },
          { heading: 'split', cell: ({ split }) => split },
          { heading: 'documents', cell: ({ documents }) => documents, align: 'right' },
          { heading: 'files', cell: ({ files }) => files, align: 'right' },
          { heading: 'size', cell: ({ bytes }) => byteSize(bytes), align: 'right' },
          { heading: 'bad lines', cell: ({ badLines }) => badLines, align: 'right' },
          { heading: 'unfinished import', cell: ({ unfinished }) => unfinished.join(', ') || undefined },
        ]),
      );
    });
}

interface ShowOptions {
  readonly split?: string;
  readonly number: number;
  readonly data?: string;
  readonly json?: boolean;
}

/** `thoughtloop corpus show`. */
export function corpusShowCommand(): Command {
  return new Command('show')
    .description('the splits of a corpus: their extent, and some of their documents')
    .argument('<name>', 'corpus')
    .option('--split <name>', 'only this split')
    .option('-n, --number <n>', 'documents of each split', wholeNumber(0, 1_000), 3)
    .addOption(dataOption())
    .option('--json', 'print splits and documents as JSON')
    .addHelpText('after', SHOW_HELP)
    .action(async (name: string, { split, number, data, json }: ShowOptions) => {
      const { describeDocument, viewCorpus } = await import('../corpora/corpus-view.ts');
      const { withStore } = await import('../run/store-access.ts');
      const views = await withStore(data, (database) => viewCorpus(database, name, { split, number }));
      if (views.length === 0) {
        throw new OperatorError({
          expected: `a corpus ${name}${split === undefined ? '' : ` with a split ${split}`}`,
          found: 'none',
          remedy: '`thoughtloop corpus list` shows what there is.',
          exitCode: EXIT_CODES.badInput,
        });
      }
      if (json === true) return printJson(views);
      print(views.map((view) => [describe(view), ...view.sample.map(describeDocument)].join('\n\n')).join('\n\n'));
    });
}

function describe({ name, split, documents, files, badLines, unfinished, size }: SplitView): string {
  return pairs([
    ['split', `${name}/${split}`],
    ['documents', documents],
    ['with context', size.withContext],
    ['with thoughts', size.withThoughts],
    ['characters', size.characters],
    ['bytes of text', size.bytes],
    ['longest document', `${size.longestBytes} bytes`],
    ['files', files],
    ['bad lines', badLines],
    ...(unfinished.length === 0 ? [] : [['unfinished import', unfinished.join(', ')] as const]),
  ]);
}
