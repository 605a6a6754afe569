import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** What a run of the tests came to. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why the run counts as failed although no single test did. */
  readonly complaint?: string;
}

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(z.object({ name: z.string(), status: z.string(), assertionResults: z.array(z.unknown()) })),
});

/**
 * Reads vitest's JSON report.
 *
 * A file that could not even be loaded counts as one failed test, and so does a run that ended badly for a reason that
 * no test carries: an error outside of tests, a crash without any report.
 *
 * @param exitCode of vitest.
 */
export function readTestCounts(report: string, exitCode: number): TestCounts {
  let text: string;
  try {
    text = readFileSync(report, 'utf8');
  } catch {
    return {
      passed: 0,
      failed: 1,
      skipped: 0,
      complaint: `vitest ended with exit code ${exitCode} and left no report`,
    };
  }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = reportSchema.parse(
    JSON.parse(text),
  );
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const failed = numFailedTests + broken.length;
  const counts = { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests };
  if (failed > 0 || exitCode === 0) return counts;
  return {
    ...counts,
    failed: 1,
    complaint: `vitest ended with exit code ${exitCode} although no test failed: see above`,
  };
}

/** The last line of a test run. */
export function summary({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
