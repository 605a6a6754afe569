import { Command, CommanderError } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { COMMANDS } from './commands/registry.ts';
import { EXIT_CODES } from './operator-error.ts';
import { fail } from './output.ts';

const HELP = `
Exit codes: 0 done, 1 failure, 2 wrong usage or bad input, 3 stack not reachable, 4 run parked or failed.

First steps:
  thoughtloop doctor
  thoughtloop up
  thoughtloop demo`;

const program = new Command('thoughtloop').description(manifest.description).version(manifest.version);
program.addHelpText('after', HELP);
for (const make of COMMANDS) program.addCommand(withErrors(make()));
program.exitOverride().configureOutput({ writeErr: (text) => process.stderr.write(text) });

// A reader that has seen enough (`| head`) is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

/** Commander's settings do not pass to commands that are added ready-made. */
function withErrors(command: Command): Command {
  command.exitOverride().showHelpAfterError('(--help shows the options)');
  command.commands.forEach(withErrors);
  return command;
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode =
    error instanceof CommanderError ? (error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.badInput) : fail(error);
}
