import { resolve } from 'node:path';
import { Command } from 'commander';
import type { ImportResult } from '../../activities/corpus/import.ts';
import { EXIT_CODES } from '../operator-error.ts';
import { print, printJson, tell } from '../output.ts';
import { corpusMakeCommand } from './corpus-make.ts';
import { corpusListCommand, corpusShowCommand } from './corpus-show.ts';
import { dataOption } from './data-option.ts';
import { wholeNumber } from './whole-number.ts';

const IMPORT_HELP = `
A file holds JSON lines, plain or packed by zstd or gzip. A line is one of
  {"text": "…", "context": "…"}                              the context is optional
  {"context": "…", "chunks": [{"text": "…", "thought": "…"}]}  cut by the file itself; thoughts are optional
Other fields are ignored. The documents of a file become visible when all of it is in. Importing the same file again
changes nothing; after an interruption it goes on where it was.

Example:
  thoughtloop corpus import teacher.jsonl --corpus micro --split teacher`;

const DISCARD_HELP = `
Only documents of an import that did not come to its end are dropped; imported files stay.

Example:
  thoughtloop corpus discard micro --split em`;

/** `thoughtloop corpus`. */
export function corpusCommand(): Command {
  return new Command('corpus')
    .description('import texts, look at them, make example corpora')
    .addCommand(importCommand())
    .addCommand(corpusListCommand())
    .addCommand(corpusShowCommand())
    .addCommand(discardCommand())
    .addCommand(corpusMakeCommand());
}

interface ImportOptions {
  readonly corpus: string;
  readonly split: string;
  readonly maxBadLines: number;
  readonly textField: string;
  readonly restart?: boolean;
  readonly data?: string;
  readonly json?: boolean;
}

function importCommand(): Command {
  return new Command('import')
    .description('import files of JSON lines into a split of a corpus')
    .argument('<files...>', 'files, imported one after another')
    .requiredOption('--corpus <name>', 'corpus; made when it is new')
    .requiredOption('--split <name>', 'split, e.g. teacher, em, held-out')
    .option('--max-bad-lines <n>', 'bad lines a file may have', wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--text-field <name>', 'field that holds the text', 'text')
    .option('--restart', 'drop an interrupted import of the split instead of going on with it')
    .addOption(dataOption())
    .option('--json', 'print the results as JSON')
    .addHelpText('after', IMPORT_HELP)
    .action((files: string[], options: ImportOptions) => withCorpusErrors(() => importFiles(files, options)));
}

async function importFiles(files: readonly string[], options: ImportOptions): Promise<void> {
  const { importFile } = await import('../../activities/corpus/import.ts');
  const { openCorpusFile } = await import('../../activities/corpus/corpus-file.ts');
  const { withWritableStore } = await import('../run/store-access.ts');
  const { ImportProgressLine } = await import('../corpora/import-progress.ts');
  const line = new ImportProgressLine();
  const { corpus, split, maxBadLines, textField, restart = false } = options;
  // None is imported when one of them cannot be.
  for (const file of files) await openCorpusFile(resolve(file));
  const results = await withWritableStore(options.data, 'database', async (database) => {
    const done: ImportResult[] = [];
    for (const [index, file] of files.entries()) {
      // What an interrupted import left is dropped once, not between the files.
      const input = { file, corpus, split, maxBadLines, textField, restart: restart && index === 0 };
      const result = await importFile(database, input, (progress) => line.show(progress)).finally(() => line.clear());
      done.push(result);
      if (options.json !== true) print(describeResult(result, options));
      if (result.kind === 'imported' && result.elsewhere.length > 0) {
        tell(
          `warning: the same file is in ${result.elsewhere.map((other) => `${corpus}/${other}`).join(', ')}: ` +
            'held-out documents must not be ones that a model was trained on',
        );
      }
      // Ordinals follow the order of the files: none behind a refused one.
      if (result.kind === 'refused') break;
    }
    return done;
  });
  if (options.json === true) printJson({ corpus, split, files: results });
  if (results.some(({ kind }) => kind === 'refused')) process.exitCode = EXIT_CODES.badInput;
}

function describeResult(result: ImportResult, { corpus, split, maxBadLines }: ImportOptions): string {
  const where = `${corpus}/${split}`;
  if (result.kind === 'already-imported') return `${result.file}: already imported into ${where}`;
  const { badLines, problems } = result;
  const lines = problems.map(({ file, line, reason }) => `  ${file}:${line}: ${reason}`);
  if (badLines > problems.length) lines.push(`  … and ${badLines - problems.length} more`);
  if (result.kind === 'refused') {
    const head = `${result.file}: Expected at most ${maxBadLines} bad lines, found ${badLines}. Nothing of it was imported.`;
    return [head, ...lines, 'Mend the lines, or let them be left out with --max-bad-lines.'].join('\n');
  }
  const resumed = result.resumedAfter === 0 ? '' : ` (went on after line ${result.resumedAfter})`;
  const bad = badLines === 0 ? '' : `, ${badLines} bad lines left out:`;
  return [`${result.file}: ${result.documents} documents imported into ${where}${resumed}${bad}`, ...lines].join('\n');
}

function discardCommand(): Command {
  return new Command('discard')
    .description('drop what an interrupted import left in a split')
    .argument('<name>', 'corpus')
    .requiredOption('--split <name>', 'split')
    .addOption(dataOption())
    .option('--json', 'print the files as JSON')
    .addHelpText('after', DISCARD_HELP)
    .action((name: string, options: { split: string; data?: string; json?: boolean }) =>
      withCorpusErrors(async () => {
        const { dropUnfinished } = await import('../../activities/corpus/import.ts');
        const { withWritableStore } = await import('../run/store-access.ts');
        const files = await withWritableStore(options.data, 'database', (database) =>
          dropUnfinished(database, name, options.split),
        );
        if (options.json === true) printJson({ corpus: name, split: options.split, discarded: files });
        else print(files.length === 0 ? 'Nothing unfinished there.' : `Dropped what was left of ${files.join(', ')}.`);
      }),
    );
}

/** Shows a corpus that cannot be used as its message alone, with the exit code of bad input. */
async function withCorpusErrors(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if ((error as { type?: unknown }).type !== 'CorpusInvalid') throw error;
    tell(`thoughtloop: ${(error as Error).message}`);
    process.exitCode = EXIT_CODES.badInput;
  }
}
