import { Command } from 'commander';
import { pairs, print, printJson, tell } from '../output.ts';
import type { Stack } from '../stack/stack.ts';
import { dataOption } from './data-option.ts';
import { wholeNumber } from './whole-number.ts';

interface UpOptions {
  readonly data?: string;
  readonly samplers?: number;
  readonly temporalPort?: number;
  readonly uiPort?: number;
  readonly postgresPort?: number;
  readonly workers: boolean;
  readonly adopt?: boolean;
  readonly takeOver?: boolean;
  readonly json?: boolean;
}

const HELP = `
What already exists is used: with DATABASE_URL set no PostgreSQL is started, with a Temporal server named by
TEMPORAL_ADDRESS or a profile no Temporal. Run twice, it starts nothing twice. It runs on in the background, starts
again what dies, and comes back after a crash with all data.

Example:
  thoughtloop up --samplers 2`;

/** `thoughtloop up`. */
export function upCommand(): Command {
  const port = wholeNumber(1, 65_535);
  return new Command('up')
    .description('start the embedded stack: Temporal with its Web UI, PostgreSQL, workers')
    .addOption(dataOption())
    .option('--samplers <n>', 'sampler processes (default: as before, at first 1)', wholeNumber(1, 256))
    .option('--temporal-port <port>', 'fixed port for Temporal (default: as before, at first a free one)', port)
    .option('--ui-port <port>', 'fixed port for the Web UI', port)
    .option('--postgres-port <port>', 'fixed port for PostgreSQL', port)
    .option('--no-workers', 'only the servers')
    .option('--adopt', 'make the database and the data folder belong together, e.g. after an old backup was restored')
    .option('--take-over', 'start although another machine, which is gone for good, ran the stack of this data folder')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', HELP)
    .action(async ({ data, workers, ...options }: UpOptions) => {
      const { ensureStack } = await import('../stack/ensure-stack.ts');
      const stack = await ensureStack({ ...options, workers, dataFolder: data, onProgress: tell });
      if (options.json === true) printJson({ ...addresses(stack), started: stack.started, processes: stack.processes });
      else print(`${stack.started ? 'The stack runs.' : 'The stack runs already.'}\n\n${describe(stack)}`);
    });
}

function describe(stack: Stack): string {
  const { ui, temporal, database, dataFolder, logs } = addresses(stack);
  return pairs([
    ['Temporal Web UI', ui ?? 'of the given Temporal server'],
    ['Temporal', temporal ?? 'as the environment says'],
    ['PostgreSQL', database ?? 'as DATABASE_URL says'],
    ['data folder', dataFolder],
    ['logs', logs],
    ['processes', stack.processes.map(({ name }) => name).join(', ')],
  ]);
}

function addresses(stack: Stack): {
  ui: string | undefined;
  temporal: string | undefined;
  database: string | undefined;
  dataFolder: string;
  logs: string;
} {
  return {
    ui: stack.temporal?.uiUrl,
    temporal: stack.temporal?.address,
    database: stack.databaseUrl === undefined ? undefined : withoutPassword(stack.databaseUrl),
    dataFolder: stack.dataFolder,
    logs: stack.logs,
  };
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  return parsed.href;
}
