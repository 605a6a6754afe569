import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { timesMet, untilMet } from '../../scripts/chaos/inject/full-disk.ts';

const yes = (): Promise<boolean> => Promise.resolve(true);
const no = (): Promise<boolean> => Promise.resolve(false);

it('a full disk counts once an export has failed for it', async () => {
  let looks = 0;
  expect(await untilMet(() => ++looks > 1, no)).toBe(true);
});

it('a full disk that the export did not meet does not count', async () => {
  expect(await untilMet(() => false, yes)).toBe(false);
});

it('a full disk that nothing meets is waited for a bounded time', async () => {
  expect(await untilMet(() => false, no, 0)).toBe(false);
});

it('a sampler’s log tells that an export had no room in a folder; other folders and failures are not meant', () => {
  const logs = mkdtempSync(join(tmpdir(), 'thoughtloop-logs-'));
  try {
    const line = (type: string, folder: string): string =>
      `${JSON.stringify({ msg: 'Activity failed', err: { type, message: `Expected room to write in ${folder}` } })}\n`;
    writeFileSync(join(logs, 'sampler-1.log'), line('DiskFull', '/data/i1/train/draft') + line('StoreBehind', '/data'));
    writeFileSync(join(logs, 'sampler-2.log'), line('DiskFull', '/data/i10/train/draft'));
    writeFileSync(join(logs, 'cluster.log'), line('DiskFull', '/data/i1/train/draft'));
    expect(timesMet(logs, '/data/i1/train')).toBe(1);
  } finally {
    rmSync(logs, { recursive: true });
  }
});
