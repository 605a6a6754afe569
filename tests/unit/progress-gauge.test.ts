import { afterEach, expect, it } from 'vitest';
import { followProgress } from '../../workers/progress-gauge.ts';
import { eventually } from '../support/eventually.ts';

let stop = new AbortController();

afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

/** Follows what `looks` find, one after another, and then the last one again and again. */
function follow(...looks: (() => Promise<ReadonlyMap<string, number>>)[]): Map<string, number> {
  const shown = new Map<string, number>();
  let look = 0;
  void followProgress(
    {
      look: () => looks[Math.min(look++, looks.length - 1)]!(),
      show: (run, seconds) => void shown.set(run, seconds),
      failed: () => undefined,
      everyMs: 5,
    },
    stop.signal,
  );
  return shown;
}

const found = (runs: Record<string, number>) => () => Promise.resolve(new Map(Object.entries(runs)));
const away = (): Promise<never> => Promise.reject(new Error('away'));
const hangs = (): Promise<never> => new Promise(() => undefined);

/** Whether it grows again and again. */
async function grows(shown: Map<string, number>): Promise<void> {
  for (let times = 0; times < 3; times += 1) {
    const before = shown.get('run') ?? 100;
    await eventually('a greater gauge', () => (shown.get('run') ?? 0) > before);
  }
}

it('while the store is away the gauge goes on growing from what was seen last', async () => {
  await grows(follow(found({ run: 100 }), away));
});

it('while the store does not answer it does so too', async () => {
  await grows(follow(found({ run: 100 }), hangs));
});

it('a run that gets on falls back, and one that runs no more shows 0', async () => {
  const shown = follow(found({ run: 100, other: 100 }), away, found({ run: 1 }));
  await eventually('progress', () => (shown.get('run') ?? 100) < 100);
  expect(shown.get('other')).toBe(0);
});

it('a store that was away from the beginning shows nothing', async () => {
  let looks = 0;
  const shown = follow(() => {
    looks += 1;
    return away();
  });
  await eventually('some looks', () => looks > 3);
  expect(shown.size).toBe(0);
});
