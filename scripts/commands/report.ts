import { Command } from 'commander';
import { print, printJson } from '../output.ts';
import { dataOption } from './data-option.ts';

interface ReportOptions {
  readonly data?: string;
  readonly out?: string;
  readonly json?: boolean;
}

const HELP = `
One self-contained HTML page: models, curves, sampling, thoughts, time, jobs, events, recipe. It can be made at any
moment of a run.

Example:
  thoughtloop report micro --out micro.html`;

/** `thoughtloop report`. */
export function reportCommand(): Command {
  return new Command('report')
    .description('write what came out of a run as one HTML page')
    .argument('<run>', 'name of the run')
    .option('--out <file>', 'where to (default: runs/RUN/report.html in the data folder)')
    .addOption(dataOption())
    .option('--json', 'print the figures as JSON instead')
    .addHelpText('after', HELP)
    .action(async (run: string, { data, out, json }: ReportOptions) => {
      const { readReportData } = await import('../../activities/report/report-data.ts');
      const { existingRun, withStore } = await import('../run/store-access.ts');
      const { writeReport } = await import('../run/write-report.ts');
      const { resolveDataFolder } = await import('../stack/data-folder.ts');
      await withStore(data, async (database) => {
        const row = await existingRun(database, run);
        if (json === true) return printJson(await readReportData(database, row));
        print(await writeReport(database, resolveDataFolder(data), row, out));
      });
    });
}
