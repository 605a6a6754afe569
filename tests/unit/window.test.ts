import { describe, expect, it } from 'vitest';
import { mapWindow, ranges } from '../../workflows/window.ts';

describe('mapWindow', () => {
  it('never has more under way than its width, and gives results in the order of the items', async () => {
    let underWay = 0;
    let most = 0;
    const finish: (() => void)[] = [];
    const all = mapWindow([0, 1, 2, 3, 4, 5, 6], 3, async (item) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise<void>((resolve) => finish.push(resolve));
      underWay -= 1;
      return item * 10;
    });
    while (most < 3 || finish.length > 0) {
      finish.pop()?.();
      await Promise.resolve();
      if (underWay === 0 && finish.length === 0) break;
    }
    expect(await all).toEqual([0, 10, 20, 30, 40, 50, 60]);
    expect(most).toBe(3);
  });

  it('starts nothing new after a failure, waits for what is under way, then throws the failure', async () => {
    const started: number[] = [];
    let release: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (release = resolve));
    let slowEnded = false;
    const all = mapWindow([0, 1, 2, 3], 2, async (item) => {
      started.push(item);
      if (item === 1) throw new Error('item 1');
      await slow;
      slowEnded = true;
    });
    const outcome = all.then(
      () => 'done',
      (error: unknown) => ({ error, slowEnded }),
    );
    release();
    expect(await outcome).toEqual({ error: new Error('item 1'), slowEnded: true });
    expect(started).toEqual([0, 1]);
  });

  it('throws the failure that came first in time: what fails after it may be its consequence', async () => {
    let fail: (error: Error) => void = () => undefined;
    const late = new Promise<void>((_, reject) => (fail = reject));
    const all = mapWindow([0, 1], 2, async (item) => {
      if (item === 0) return late;
      fail(new Error('consequence'));
      throw new Error('cause');
    });
    await expect(all).rejects.toThrow('cause');
  });

  it('does nothing for no items', async () => {
    expect(await mapWindow([], 4, () => Promise.reject(new Error('called')))).toEqual([]);
  });
});

describe('ranges', () => {
  it('covers [0, count) without gap or overlap, the last range shorter', () => {
    expect(ranges(7, 3)).toEqual([
      { from: 0, to: 3 },
      { from: 3, to: 6 },
      { from: 6, to: 7 },
    ]);
    expect(ranges(0, 3)).toEqual([]);
  });
});
