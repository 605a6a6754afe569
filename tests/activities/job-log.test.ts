import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { jobLog } from '../../scripts/run/job-log.ts';
import type { JobLine } from '../../activities/report/queries/machinery.ts';

const job = (kind: JobLine['kind']): JobLine => ({
  key: 'r/i1/x/g0',
  cluster: 'process',
  kind,
  folder: 'runs/r/x',
  restarts: 0,
  state: 'running',
  reason: null,
  createdAt: new Date(0),
  endedAt: null,
});

test.each([
  ['server', 'vllm.log'],
  ['training', 'progress.jsonl'],
] as const)('the log of a %s ends with %s where the program itself says nothing', async (kind, file) => {
  const data = await mkdtemp(join(tmpdir(), 'thoughtloop-log-'));
  onTestFinished(() => rm(data, { recursive: true }));
  await mkdir(join(data, 'runs/r/x'), { recursive: true });
  await writeFile(join(data, 'runs/r/x', file), 'one\ntwo\nthree\n');
  expect(await jobLog(data, job(kind), 2)).toEqual(['two', 'three']);
});

test('a job that left nothing has an empty log', async () => {
  expect(await jobLog(tmpdir(), { ...job('base'), folder: 'thoughtloop-no-such-folder' }, 5)).toEqual([]);
});
