import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import type { Database } from '../../activities/store/pool.ts';
import type { RunOverview } from '../run/overview.ts';
import { print, tell } from '../output.ts';
import { dataOption } from './data-option.ts';

interface DemoOptions {
  readonly data?: string;
  readonly keep?: boolean;
  readonly json?: boolean;
}

const RECIPE = fileURLToPath(new URL('../../deploy/recipes/micro.toml', import.meta.url));

const HELP = `
From nothing to a report: starts the embedded stack, makes the micro corpus, runs deploy/recipes/micro.toml with real
servers and trainings, prints what came out. Run again, it goes on where it was, or shows the finished run. A stack that
it started itself it also stops, unless --keep is given or the run waits for a decision.

Exit code 0 only when the run completed. With --json the last line of stdout is one JSON object.

Example:
  thoughtloop demo
  thoughtloop demo --json --data /tmp/demo | tail -1`;

/** `thoughtloop demo`. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('run the method on a small problem, from nothing to a report')
    .addOption(dataOption())
    .option('--keep', 'leave the stack running at the end')
    .option('--json', 'close with one line of JSON; progress goes to stderr')
    .addHelpText('after', HELP)
    .action(async ({ data, keep, json }: DemoOptions) => {
      const { ensureStack } = await import('../stack/ensure-stack.ts');
      const { stopStack } = await import('../stack/stop-stack.ts');
      const { withWritableStore } = await import('../run/store-access.ts');
      const stack = await ensureStack({ dataFolder: data, onProgress: tell });
      process.once('SIGINT', () => {
        tell('\nThe run goes on in the background: `thoughtloop watch micro`; `thoughtloop down` stops everything.');
        process.exit(130);
      });
      const overview = await withWritableStore(data, 'files', (database) =>
        runDemo(database, data, stack.dataFolder, json === true),
      );
      const over = overview.run.status !== 'Parked';
      if (stack.started && keep !== true && over) {
        await stopStack({ dataFolder: stack.dataFolder });
        tell('stopped the stack; `thoughtloop up` brings it back with the run');
      }
    });
}

async function runDemo(
  database: Database,
  data: string | undefined,
  dataFolder: string,
  json: boolean,
): Promise<RunOverview> {
  const { existingRun } = await import('../run/store-access.ts');
  const { ensureMicroCorpus } = await import('../run/micro-corpus.ts');
  const { loadRecipe } = await import('../recipe/load.ts');
  const { startRun } = await import('../run/start-run.ts');
  const { exitCodeOf, watchRun } = await import('../run/watch-run.ts');
  const { writeReport } = await import('../run/write-report.ts');
  const { resultsTable } = await import('../run/results-table.ts');

  const corpusFolder = await ensureMicroCorpus(database, dataFolder, tell);
  const loaded = await loadRecipe(RECIPE, { variables: { data: corpusFolder } });
  const { kind, row, link } = await startRun(database, data, dataFolder, loaded);
  const { run } = row;
  const begun = {
    started: 'started',
    resumed: 'goes on where it was',
    running: 'goes on',
    ended: `is over (${row.status})`,
  };
  tell(`run ${run} ${begun[kind]}${link === undefined ? '' : `; watch it in the Web UI too: ${link}`}`);
  const overview = await watchRun({ database, dataFolder, run, out: json ? process.stderr : process.stdout });
  const report = await writeReport(database, dataFolder, await existingRun(database, run));
  process.exitCode = exitCodeOf(overview);
  if (!json) {
    print(`\n${resultsTable(overview.results)}\n\nreport: ${report}`);
    return overview;
  }
  const results = overview.results.map(
    ({ arm, iteration, accuracy, standardError, n, elbo, nll, ess, trainingTokens, sampledTokens, seconds }) => ({
      arm,
      iteration,
      accuracy,
      standardError,
      n,
      elbo,
      nll,
      ess,
      trainingTokens,
      sampledTokens,
      seconds,
    }),
  );
  // One line, the last one: what reads it takes the last line of stdout.
  print(JSON.stringify({ run, status: overview.run.status, report, results }));
  return overview;
}
