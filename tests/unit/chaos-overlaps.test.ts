import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noOverlaps } from '../../scripts/chaos/invariants/overlaps.ts';

let data: string;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'thoughtloop-overlaps-'));
});

afterEach(() => {
  rmSync(data, { recursive: true });
});

const judge = (...lines: string[]): ReturnType<typeof noOverlaps> => {
  mkdirSync(join(data, 'one'), { recursive: true });
  writeFileSync(join(data, 'one', 'journal'), lines.map((line) => `${line}\n`).join(''));
  return noOverlaps(data, ['one', 'without-journal']);
};

it('starts one after another, killed, stopped or ended, hold', () => {
  const found = judge('start 1', 'step 1', 'start 2', 'step 2', 'stop 2', 'start 3', 'step 3', 'end 3');
  expect(found).toMatchObject({ verdict: 'holds', looked: '3 starts of 1 models', broken: [] });
});

it('a process that works on after the next one has started is an overlap', () => {
  expect(judge('start 1', 'step 1', 'start 2', 'step 2', 'step 1', 'step 2', 'end 2')).toMatchObject({
    verdict: 'broken',
    broken: ['one/journal: process 1 works beside process 2'],
  });
});

it('a process that was started beside another is one, though it gave way', () => {
  expect(judge('start 1', 'met 2', 'step 1', 'end 1').broken).toEqual([
    'one/journal: process 2 was started beside process 1',
  ]);
});

it('two processes that come to their end are one too many', () => {
  expect(judge('start 1', 'end 1', 'start 2', 'end 2').broken).toEqual(['one/journal: 2 processes came to their end']);
});

it('where no training keeps a journal, nothing is said to hold', () => {
  expect(noOverlaps(data, ['one']).verdict).toBe('not looked at');
});
