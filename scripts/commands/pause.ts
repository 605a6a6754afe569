import type { Command } from 'commander';
import { wordCommand } from './word-command.ts';

/** `thoughtloop pause`. */
export function pauseCommand(): Command {
  return wordCommand('pause', {
    description: 'let a run finish what is under way and start no more',
    help: 'Requests in flight, and trainings, go on to their end; nothing new starts until `thoughtloop resume`.',
    done: (run) => `Run ${run} pauses: what is under way goes on to its end. \`thoughtloop resume ${run}\` goes on.`,
  });
}
