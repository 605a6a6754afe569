import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { isGone, ownWorkerProcess } from '../../activities/clusters/worker-process.ts';

it('a process of this machine is gone once it has ended, and when its id belongs to another by now', async () => {
  const own = await ownWorkerProcess();
  expect(await isGone(own, own)).toBe(false);
  const child = spawn('true');
  await once(child, 'exit');
  expect(await isGone({ ...own, pid: child.pid ?? 0 }, own)).toBe(true);
  const [boot, ticks] = own.start.split('/');
  expect(await isGone({ ...own, start: `${boot}/${Number(ticks) - 1}` }, own)).toBe(true);
});

it('of processes of another machine or container nothing is known', async () => {
  const own = await ownWorkerProcess();
  const dead = { ...own, start: own.start.replace(/\d+$/, '1') };
  expect(await isGone(dead, own)).toBe(true);
  expect(await isGone({ ...dead, machine: 'elsewhere' }, own)).toBe(false);
  expect(await isGone({ ...dead, pidNamespace: 'pid:[1]' }, own)).toBe(false);
});
