import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eachAtOnce } from '../../activities/evaluation/each-at-once.ts';

const items = Array.from({ length: 20 }, (_, index) => index);
const never = new AbortController().signal;

test('at most `width` are under way, each item once, started in order', async () => {
  let open = 0;
  let most = 0;
  const started: number[] = [];
  await eachAtOnce(items, 3, never, async (item) => {
    started.push(item);
    open += 1;
    most = Math.max(most, open);
    await setImmediate();
    open -= 1;
  });
  expect(started).toEqual(items);
  expect(most).toBe(3);
});

test('the first failure stops what is under way, starts no more, and is thrown when all has ended', async () => {
  const started: number[] = [];
  let ended = 0;
  const done = eachAtOnce(items, 2, never, async (item, signal) => {
    started.push(item);
    if (item === 1) throw new Error('first');
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    ended += 1;
    throw new Error('second');
  });
  await expect(done).rejects.toThrowError('first');
  expect(started).toEqual([0, 1]);
  expect(ended).toBe(1);
});

test("the caller's signal ends it with its reason", async () => {
  const cancel = new AbortController();
  const started: number[] = [];
  const done = eachAtOnce(items, 2, cancel.signal, async (item) => {
    started.push(item);
    if (item === 5) cancel.abort(new Error('stopped'));
    await setImmediate();
  });
  await expect(done).rejects.toThrowError('stopped');
  expect(started.length).toBeLessThan(items.length);
});

test('nothing to do is done', async () => {
  await expect(eachAtOnce([], 3, never, () => Promise.reject(new Error('none')))).resolves.toBeUndefined();
});
