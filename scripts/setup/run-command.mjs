import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const KEPT_LINES = 12;

/**
 * Runs a program to its end, reading what it prints. When this process is told to stop, the program is told too.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void }} [options]
 * @returns {Promise<{ code: number, tail: string[] }>} the exit code (127 when the program could not be started, 128
 *   plus the signal's number when a signal ended it) and its last lines.
 */
export function runCommand(command, args, options = {}) {
  return new Promise((resolve) => {
    const tail = [];
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const restore = stopWithThisProcess(child);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        if (line.trim() === '') return;
        tail.push(line);
        if (tail.length > KEPT_LINES) tail.shift();
        options.onLine?.(line.trim());
      });
    }
    child.on('error', (error) => {
      restore();
      resolve({ code: 127, tail: [error.message] });
    });
    child.on('close', (code, signal) => {
      restore();
      resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 143), tail });
    });
  });
}

function stopWithThisProcess(child) {
  const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
  const listeners = Object.entries(exitCodes).map(([signal, code]) => {
    const listener = () => {
      child.kill(signal);
      process.exit(code);
    };
    process.on(signal, listener);
    return [signal, listener];
  });
  return () => listeners.forEach(([signal, listener]) => process.off(signal, listener));
}
