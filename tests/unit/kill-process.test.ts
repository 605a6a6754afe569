import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { killProcess } from '../support/kill-process.ts';

it.each([undefined, '', '0', 0, -1, 1, NaN, 1.5])(
  'no signal is sent for %j, which names no process of a test',
  (pid) => {
    expect(() => killProcess(pid)).toThrow(TypeError);
  },
);

it('the process that is named gets the signal', async () => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  killProcess(child.pid, 'SIGTERM');
  expect(await ended).toBe('SIGTERM');
});
