import { Command } from 'commander';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { print, printJson, table, tell } from '../output.ts';
import { dataOption } from './data-option.ts';
import { wholeNumber } from './whole-number.ts';

interface LogsOptions {
  readonly data?: string;
  readonly job?: string;
  readonly lines: number;
  readonly json?: boolean;
}

const HELP = `
Without --job: the run's jobs, then the end of the newest one's log.

Example:
  thoughtloop logs micro
  thoughtloop logs micro --job micro/i1/m/latent-0/g0 -n 200`;

/** `thoughtloop logs`. */
export function logsCommand(): Command {
  return new Command('logs')
    .description('what the jobs of a run (trainings, servers) wrote')
    .argument('<run>', 'name of the run')
    .option('--job <key>', 'key of one job')
    .option('-n, --lines <n>', 'lines', wholeNumber(1, 100_000), 50)
    .addOption(dataOption())
    .option('--json', 'print jobs and lines as JSON')
    .addHelpText('after', HELP)
    .action(async (run: string, options: LogsOptions) => {
      const { jobsOf } = await import('../../activities/report/queries/machinery.ts');
      const { jobLog } = await import('../run/job-log.ts');
      const { existingRun, withStore } = await import('../run/store-access.ts');
      const { resolveDataFolder } = await import('../stack/data-folder.ts');
      const jobs = await withStore(options.data, async (database) => {
        await existingRun(database, run);
        return jobsOf(database, run);
      });
      const job = options.job === undefined ? jobs.at(-1) : jobs.find(({ key }) => key === options.job);
      if (options.job !== undefined && job === undefined) {
        throw new OperatorError({
          expected: `the key of a job of run ${run}`,
          found: `\`${options.job}\``,
          remedy: `\`thoughtloop logs ${run}\` lists them.`,
          exitCode: EXIT_CODES.badInput,
        });
      }
      const lines = job === undefined ? [] : await jobLog(resolveDataFolder(options.data), job, options.lines);
      if (options.json === true) return printJson({ jobs: options.job === undefined ? jobs : [job], lines });
      if (options.job === undefined) {
        if (jobs.length === 0) return tell('No jobs yet.');
        tell(
          `${table(jobs, [
            { heading: 'job', cell: ({ key }) => key },
            { heading: 'kind', cell: ({ kind }) => kind },
            { heading: 'state', cell: ({ state }) => state },
            { heading: 'reason', cell: ({ reason }) => reason?.split('\n')[0] ?? '' },
          ])}\n\n${job?.key ?? ''}`,
        );
      }
      print(lines.length === 0 ? '(nothing written yet)' : lines.join('\n'));
    });
}
