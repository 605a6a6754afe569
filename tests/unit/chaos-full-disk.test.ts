import { expect, it } from 'vitest';
import { untilMet } from '../../scripts/chaos/inject/full-disk.ts';

const yes = (): Promise<boolean> => Promise.resolve(true);
const no = (): Promise<boolean> => Promise.resolve(false);

it('a full disk counts once an export has failed for it', async () => {
  let looks = 0;
  expect(await untilMet(() => Promise.resolve(++looks > 1), no)).toBe(true);
});

it('a full disk that the export did not meet does not count', async () => {
  expect(await untilMet(no, yes)).toBe(false);
});

it('a full disk that nothing meets is waited for a bounded time', async () => {
  expect(await untilMet(no, no, 0)).toBe(false);
});
