import type { Command } from 'commander';
import { wordCommand } from './word-command.ts';

/** `thoughtloop cancel`. */
export function cancelCommand(): Command {
  return wordCommand('cancel', {
    description: 'stop the jobs and servers of a run; its data stays',
    help: '`thoughtloop start` with the same recipe takes the run up again, having lost at most what was in flight.',
    done: (run) =>
      `Run ${run} stops its jobs and servers; its data stays. \`thoughtloop start\` with its recipe takes it up again.`,
  });
}
