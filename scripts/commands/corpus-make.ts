import { Command } from 'commander';
import { GSM8K_DEFAULTS, writeGsm8k, type Gsm8kSettings } from '../corpora/gsm8k.ts';
import { MICRO_DEFAULTS, writeMicro, type MicroSettings } from '../corpora/micro.ts';
import type { WrittenFile } from '../corpora/write-json-lines.ts';
import { print, printJson, table } from '../output.ts';
import { wholeNumber } from './whole-number.ts';

const MICRO_HELP = `
Sums of digits modulo m: without a thought the answer takes all steps at once, with one a step at a time. Writes
teacher.jsonl, em.jsonl, held-out.jsonl for \`corpus import\`, and test.jsonl for a benchmark. Equal options, equal files.

Example:
  thoughtloop corpus make micro --out micro`;

const GSM8K_HELP = `
The question is context, the final answer is the text, the human solution the teacher's thought; only the teacher split
has solutions. Needs GSM8K's train.jsonl and test.jsonl ({"question", "answer"}). Test problems come from test.jsonl alone.

Example:
  thoughtloop corpus make gsm8k --from gsm8k --out gsm8k-corpus`;

/** Documents of a split at most: what an ordinal can number. */
const MOST = 2_147_483_647;

/** `thoughtloop corpus make`. */
export function corpusMakeCommand(): Command {
  return new Command('make')
    .description('write the files of an example corpus')
    .addCommand(micro())
    .addCommand(gsm8k());
}

interface MakeOptions {
  readonly out: string;
  readonly json?: boolean;
}

function micro(): Command {
  return sized(new Command('micro').description('sums of digits: learnt on two cores in minutes'), MICRO_DEFAULTS)
    .option('--modulus <m>', 'sums are taken modulo m, digits are below it', wholeNumber(2, 10), MICRO_DEFAULTS.modulus)
    .option('--digits <n>', 'digits of a question', wholeNumber(2, 8), MICRO_DEFAULTS.digits)
    .addHelpText('after', MICRO_HELP)
    .action(async ({ out, json, ...settings }: MakeOptions & MicroSettings) =>
      report(await writeMicro(out, settings), json),
    );
}

function gsm8k(): Command {
  return sized(new Command('gsm8k').description('grade school mathematics'), GSM8K_DEFAULTS)
    .requiredOption('--from <folder>', 'folder with train.jsonl and test.jsonl')
    .addHelpText('after', GSM8K_HELP)
    .action(async ({ out, from, json, ...settings }: MakeOptions & Gsm8kSettings & { readonly from: string }) =>
      report(await writeGsm8k(from, out, settings), json),
    );
}

/** Options that every example corpus has. */
function sized(command: Command, { teacher, em, heldOut, test, seed }: Gsm8kSettings): Command {
  return command
    .requiredOption('--out <folder>', 'folder for the files; made when it is missing')
    .option('--teacher <n>', 'documents with thoughts', wholeNumber(0, MOST), teacher)
    .option('--em <n>', 'documents without', wholeNumber(0, MOST), em)
    .option('--held-out <n>', 'documents kept from training', wholeNumber(0, MOST), heldOut)
    .option('--test <n>', 'problems of the benchmark', wholeNumber(0, MOST), test)
    .option('--seed <n>', 'which documents are drawn', wholeNumber(0, MOST), seed)
    .option('--json', 'print the files as JSON');
}

function report(files: readonly WrittenFile[], json: boolean | undefined): void {
  if (json === true) return printJson(files);
  print(
    table(files, [
      { heading: 'file', cell: ({ file }) => file },
      { heading: 'rows', cell: ({ rows }) => rows, align: 'right' },
    ]),
  );
}
