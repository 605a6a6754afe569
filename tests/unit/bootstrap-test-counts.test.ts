import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readTestCounts, summary } from '../../scripts/setup/test-counts.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thoughtloop-counts-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function report(counts: { passed: number; failed: number; pending?: number; brokenFiles?: number }): string {
  const path = join(folder, 'report.json');
  const broken = Array.from({ length: counts.brokenFiles ?? 0 }, () => ({
    name: 'broken.test.ts',
    status: 'failed',
    assertionResults: [],
  }));
  writeFileSync(
    path,
    JSON.stringify({
      numPassedTests: counts.passed,
      numFailedTests: counts.failed,
      numPendingTests: counts.pending ?? 0,
      numTodoTests: 0,
      testResults: [{ name: 'fine.test.ts', status: 'passed', assertionResults: [{}] }, ...broken],
    }),
  );
  return path;
}

it('counts passed, failed and skipped tests', () => {
  expect(summary(readTestCounts(report({ passed: 3, failed: 0 }), 0))).toBe('3 passed, 0 failed');
  expect(summary(readTestCounts(report({ passed: 3, failed: 2, pending: 4 }), 1))).toBe(
    '3 passed, 2 failed, 4 skipped',
  );
});

it('a test file that could not be loaded counts as a failed test', () => {
  expect(readTestCounts(report({ passed: 3, failed: 0, brokenFiles: 2 }), 1)).toMatchObject({ passed: 3, failed: 2 });
});

it('a run that ends badly although every test passed has failed', () => {
  const counts = readTestCounts(report({ passed: 3, failed: 0 }), 1);
  expect(summary(counts)).toBe('3 passed, 1 failed');
  expect(counts.complaint).toContain('exit code 1');
});

it('a crash that leaves no report has failed', () => {
  expect(summary(readTestCounts(join(folder, 'missing.json'), 134))).toBe('0 passed, 1 failed');
});
