import { Command } from 'commander';
import { EXIT_CODES } from '../operator-error.ts';
import { print, printJson } from '../output.ts';
import type { Check } from '../doctor/check.ts';
import { dataOption } from './data-option.ts';

const HELP = `
Looks at everything thoughtloop depends on, and gives the cure for each line that is wrong. --fix installs the Python
environment, registers search attributes and brings an older schema up to date. --adopt makes a database and a data
folder belong together that do not, e.g. a database restored from an old backup: what it has lost stays lost, and no file
is overwritten. Exit code 1 when a line is wrong.

Example:
  thoughtloop doctor --fix`;

interface DoctorOptions {
  readonly data?: string;
  readonly fix?: boolean;
  readonly adopt?: boolean;
  readonly json?: boolean;
}

/** `thoughtloop doctor`. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check every connection, version, queue and the disk, with the cure for what fails')
    .addOption(dataOption())
    .option('--fix', 'mend what can be mended')
    .option('--adopt', 'make the database and the data folder belong together')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', HELP)
    .action(async ({ data, fix = false, adopt = false, json }: DoctorOptions) => {
      const checks = await allChecks(data, fix, adopt);
      if (json === true) printJson({ ok: checks.every(({ ok }) => ok), checks });
      else print(describe(checks));
      if (checks.some(({ ok }) => !ok)) process.exitCode = EXIT_CODES.failure;
    });
}

async function allChecks(data: string | undefined, fix: boolean, adopt: boolean): Promise<Check[]> {
  const [folder, toolchain, dataFolder, stack, database, temporal] = await Promise.all([
    import('../stack/data-folder.ts'),
    import('../doctor/toolchain.ts'),
    import('../doctor/data-folder.ts'),
    import('../doctor/stack.ts'),
    import('../doctor/database.ts'),
    import('../doctor/temporal.ts'),
  ]);
  const resolved = folder.resolveDataFolder(data);
  return [
    ...(await toolchain.toolchainChecks()),
    ...dataFolder.dataFolderChecks(resolved),
    ...stack.stackChecks(resolved),
    ...(await database.databaseChecks(resolved, fix, adopt)),
    ...(await temporal.temporalChecks(resolved, fix)),
  ];
}

function describe(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap((check) => {
    const line = `${check.ok ? 'ok   ' : 'WRONG'}  ${check.name.padEnd(width)}  ${check.found}`;
    return check.ok ? [line] : [line, `${' '.repeat(width + 9)}→ ${check.cure}`];
  });
  const bad = checks.filter(({ ok }) => !ok).length;
  return [...lines, '', bad === 0 ? 'Everything is right.' : `${bad} of ${checks.length} lines are wrong.`].join('\n');
}
