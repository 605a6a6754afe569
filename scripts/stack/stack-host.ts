import { hostname } from 'node:os';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import type { StackState } from './stack-state.ts';
import { isSupervised } from './stack.ts';

/**
 * The other machine that the stack of a data folder runs on, as far as its state says; undefined when it is this one.
 *
 * Process ids of another machine say nothing here, so that a stack that runs there looks like one that was killed. A
 * machine that got another name since is still this one where the supervisor's process lives on it.
 */
export function otherHost(state: StackState | undefined): string | undefined {
  if (state?.host === undefined || state.host === hostname()) return undefined;
  const over = state.status === 'stopped' || state.status === 'failed';
  return over || isSupervised(state) ? undefined : state.host;
}

/**
 * Makes sure that nobody starts, ends or takes over from here what runs on another machine.
 * @throws OperatorError naming that machine
 */
export function requireOwnHost(dataFolder: string, state: StackState | undefined): void {
  const other = otherHost(state);
  if (other === undefined) return;
  throw new OperatorError({
    expected: 'the stack of this data folder to be of this machine',
    found: `one that is ${state?.status} on ${other}`,
    where: dataFolder,
    remedy:
      `Run \`thoughtloop down\` on ${other}; workers may run here beside it (README.md). If that machine, or the container ` +
      'of that name, is gone for good: `thoughtloop up --take-over`. Two stacks on one data folder destroy it.',
    exitCode: EXIT_CODES.badInput,
  });
}
