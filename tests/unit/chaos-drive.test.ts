import { expect, it } from 'vitest';
import { drive } from '../../scripts/chaos/drive.ts';
import type { FaultKind } from '../../scripts/chaos/faults.ts';
import type { Inject } from '../../scripts/chaos/inject/target.ts';
import type { World } from '../../scripts/chaos/world.ts';

const STRETCH = { arm: 'latent', iteration: 1, phase: 'e-step' } as const;

/** Drives a run that is in its E-step until `over`, with one full disk in the schedule. */
function driven(fillDisk: Inject, over: () => boolean): ReturnType<typeof drive> {
  const row = (): object => ({ ...STRETCH, done: 0.5, status: over() ? 'Completed' : 'Running' });
  const database = { query: () => Promise.resolve({ rows: [row()] }) };
  return drive({
    world: { database, data: '/nowhere' } as unknown as World,
    run: 'run',
    stretches: [STRETCH],
    schedule: [{ kind: 'disk-full', stretch: 0, at: 0, draw: 0 }],
    inject: { 'disk-full': fillDisk } as Record<FaultKind, Inject>,
    problems: 1,
    tell: () => undefined,
  });
}

it('a fault that no step met is put in again, and counts once one has', async () => {
  let times = 0;
  const fillDisk: Inject = ({ countsOnce }) => {
    times += 1;
    countsOnce(Promise.resolve(times === 2));
    return Promise.resolve(`time ${times}`);
  };
  expect(await driven(fillDisk, () => times === 2)).toMatchObject({
    injected: [{ kind: 'disk-full', what: 'time 2' }],
    left: [],
  });
});

it('a fault that is never met has found no place', async () => {
  let times = 0;
  const fillDisk: Inject = ({ countsOnce }) => {
    times += 1;
    countsOnce(Promise.resolve(false));
    return Promise.resolve('in vain');
  };
  expect(await driven(fillDisk, () => times === 2)).toMatchObject({ injected: [], left: ['disk-full'] });
});
