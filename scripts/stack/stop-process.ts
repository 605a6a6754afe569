import { isAlive, type ProcessIdentity } from '../setup/process-identity.mjs';
import { poll } from './deadline.ts';

/** A signal, and how long the process may take to follow it. */
export interface StopStep {
  readonly signal: NodeJS.Signals;
  readonly milliseconds: number;
}

const POLL_MILLISECONDS = 50;

/**
 * Ends a process, wherever it was started from, with ever stronger signals.
 * @returns whether it is gone. A process id that meanwhile belongs to another process counts as gone.
 */
export async function stopProcess(identity: ProcessIdentity, steps: readonly StopStep[]): Promise<boolean> {
  for (const { signal, milliseconds } of steps) {
    if (!isAlive(identity)) return true;
    try {
      process.kill(identity.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      return true;
    }
    const outcome = await poll(() => (isAlive(identity) ? undefined : true), milliseconds, POLL_MILLISECONDS);
    if ('answer' in outcome) return true;
  }
  return !isAlive(identity);
}
