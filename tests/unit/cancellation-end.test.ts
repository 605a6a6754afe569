import { expect, it } from 'vitest';
import { awaitEnd } from '../../scripts/run/cancellation-end.ts';

it('a cancellation that does not end is given up with what helps, and one that ends is waited for', async () => {
  await expect(awaitEnd('stuck', () => Promise.resolve(true), 0)).rejects.toThrow(
    /Expected the cancellation of run stuck to end within 0 s, found its workflow still open.*thoughtloop status stuck/s,
  );
  const looks = [true, true, false];
  await awaitEnd('ending', () => Promise.resolve(looks.shift() ?? true));
  expect(looks).toEqual([]);
});
