import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const PASSED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/**
 * Runs the program that the set-up leads to as if it were this process: same terminal, signals passed on, and its
 * end becomes ours.
 *
 * @param {string} node the Node to run it with.
 * @param {string[]} args script and arguments.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} the exit code; 128 plus the signal's number when a signal ended it.
 */
export function runTarget(node, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { env, stdio: 'inherit' });
    for (const signal of PASSED_SIGNALS) {
      process.on(signal, () => {
        // A terminal sends its Ctrl-C to the whole group: the child has it already.
        const sentByTerminal = (signal === 'SIGINT' || signal === 'SIGQUIT') && process.stdin.isTTY;
        if (!sentByTerminal) child.kill(signal);
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}
