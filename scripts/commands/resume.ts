import type { Command } from 'commander';
import { wordCommand } from './word-command.ts';

/** `thoughtloop resume`. */
export function resumeCommand(): Command {
  return wordCommand('resume', {
    description: 'let a paused run go on',
    help: 'A run that waits for a decision needs `thoughtloop decide` instead.',
    done: (run) => `Run ${run} goes on.`,
  });
}
