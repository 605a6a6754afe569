import { expect, it } from 'vitest';
import { nextRestart, type Restart } from '../../scripts/stack/restart-policy.ts';

function endsInARow(count: number, ranMilliseconds: number): Restart[] {
  const restarts: Restart[] = [];
  for (let at = 0; at < count; at += 1) restarts.push(nextRestart(restarts.at(-1)?.quickEnds ?? 0, ranMilliseconds));
  return restarts;
}

it('a process that keeps ending is started again after pauses that double up to a minute', () => {
  const pauses = endsInARow(10, 100).map(({ pause }) => pause);
  expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

it('it is shown as failing from the fourth quick end on', () => {
  expect(endsInARow(5, 100).map(({ failing }) => failing)).toEqual([false, false, false, true, true]);
});

it('an end after a healthy while is the first again', () => {
  expect(nextRestart(9, 15_000)).toEqual({ quickEnds: 1, pause: 500, failing: false });
});
