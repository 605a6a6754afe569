import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GroupCommit } from '../../activities/e-step/group-commit.ts';

/** A store whose writes end when they are told to. */
class Writes {
  readonly groups: (readonly number[])[] = [];
  readonly #ends: { resolve: () => void; reject: (error: Error) => void }[] = [];

  readonly write = (items: readonly number[]): Promise<void> => {
    this.groups.push(items);
    return new Promise((resolve, reject) => this.#ends.push({ resolve, reject }));
  };

  async end(error?: Error): Promise<void> {
    const end = this.#ends.shift();
    if (error === undefined) end?.resolve();
    else end?.reject(error);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open');
  const settled = promise.then(
    () => true,
    () => true,
  );
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([settled, Promise.resolve(open)])) !== open;
}

describe('a group commit', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('writes the first item at once, and what came in meanwhile and in the pause behind as one group', async () => {
    const writes = new Writes();
    const commits = new GroupCommit(writes.write, 10);
    await Promise.all([1, 2].map((item) => commits.add(item)));
    expect(writes.groups).toEqual([[1]]);
    await writes.end();
    await commits.add(3);
    expect(writes.groups).toEqual([[1]]);
    await vi.runAllTimersAsync();
    expect(writes.groups).toEqual([[1], [2, 3]]);
  });

  it('lets a write take along what came in while it was made ready', async () => {
    const groups: number[][] = [];
    const [ready, durable] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const commits = new GroupCommit<number>(async (items, takeLate) => {
      await ready.promise;
      groups.push([...items, ...takeLate()]);
      await durable.promise;
    }, 3);
    for (const item of [1, 2, 3]) await commits.add(item);
    ready.resolve();
    const fourth = commits.add(4);
    expect(await isSettled(fourth)).toBe(false);
    expect(groups).toEqual([[1, 2, 3]]);
    durable.resolve();
    await fourth;
    await vi.runAllTimersAsync();
    await commits.flush();
    expect(groups).toEqual([[1, 2, 3], [4]]);
  });

  it('makes no pause once half of what may wait has come in', async () => {
    const writes = new Writes();
    const commits = new GroupCommit(writes.write, 4);
    await commits.add(1);
    await writes.end();
    await commits.add(2);
    expect(writes.groups).toEqual([[1]]);
    await commits.add(3);
    await isSettled(Promise.resolve());
    expect(writes.groups).toEqual([[1], [2, 3]]);
  });

  it('writes at once again when nothing came in for the length of a pause', async () => {
    const writes = new Writes();
    const commits = new GroupCommit(writes.write, 10);
    await commits.add(1);
    await writes.end();
    await vi.runAllTimersAsync();
    await commits.add(2);
    expect(writes.groups).toEqual([[1], [2]]);
  });

  it('lets its callers go on until as many items as the limit are not durable, then makes them wait', async () => {
    const writes = new Writes();
    const commits = new GroupCommit(writes.write, 3);
    await Promise.all([1, 2, 3].map((item) => commits.add(item)));
    const fourth = commits.add(4);
    const fifth = commits.add(5);
    expect(await isSettled(fourth)).toBe(false);
    await writes.end();
    // One became durable: there is room for one.
    expect(await isSettled(fourth)).toBe(true);
    expect(await isSettled(fifth)).toBe(false);
    await writes.end();
    await fifth;
    await writes.end();
    expect(writes.groups.flat()).toEqual([1, 2, 3, 4, 5]);
  });

  it('is flushed when everything is durable', async () => {
    const writes = new Writes();
    const commits = new GroupCommit(writes.write, 10);
    await commits.add(1);
    await commits.add(2);
    const flushed = commits.flush();
    await writes.end();
    expect(await isSettled(flushed)).toBe(false);
    await writes.end();
    await flushed;
    await commits.flush();
  });

  it('that failed refuses what waits and what comes, and its flush, with the error, and writes no more', async () => {
    const writes = new Writes();
    const commits = new GroupCommit(writes.write, 2);
    await commits.add(1);
    await commits.add(2);
    const waiting = commits.add(3);
    waiting.catch(() => undefined);
    await writes.end(new Error('disk full'));
    await expect(waiting).rejects.toThrow('disk full');
    await expect(commits.add(4)).rejects.toThrow('disk full');
    await expect(commits.flush()).rejects.toThrow('disk full');
    expect(writes.groups).toEqual([[1]]);
  });
});
