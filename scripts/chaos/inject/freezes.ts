import { setTimeout as sleep } from 'node:timers/promises';
import { signalProcess, treeOf } from '../process-tree.ts';
import type { Inject } from './target.ts';

/**
 * Stops one process of the stack with its children, and lets it go on after a time: it hangs, and then takes up its work
 * as if nothing had happened.
 */
export function freeze(name: (draw: number) => string, seconds: number): Inject {
  return async ({ world, draw, later }) => {
    const wanted = name(draw);
    const found = world.state.processes.find((process) => process.name === wanted);
    if (found?.state !== 'running') return null;
    const frozen = treeOf(found.pid).filter((pid) => signalProcess(pid, 'SIGSTOP'));
    if (frozen.length === 0) return null;
    later(
      sleep(seconds * 1_000).then(() => {
        for (const pid of frozen) signalProcess(pid, 'SIGCONT');
      }),
    );
    return `${wanted} for ${seconds} s`;
  };
}
