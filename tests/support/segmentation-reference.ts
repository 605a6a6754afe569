import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./nltk_punkt.py', import.meta.url));

/** Bytes of answers that one process may write. */
const ANSWER_LIMIT = 1_000_000_000;

/** The interpreter with nltk and numpy, or `undefined` where none is set. */
export const python = process.env['THOUGHTLOOP_PYTHON'];

/** Says why a comparison is skipped; for the title of a suite. */
export const pythonNote = python === undefined ? ' (skipped: set THOUGHTLOOP_PYTHON to a Python with nltk 3.10)' : '';

/** A request of tests/support/nltk_punkt.py, which describes each. */
export type ReferenceRequest = Readonly<Record<string, unknown>> & { readonly op: string };

/**
 * Answers of the reference program to all requests, in order, from one process.
 *
 * @throws Error when the program fails, with what it wrote to standard error
 */
export function askReference(requests: readonly ReferenceRequest[]): unknown[] {
  const input = requests.map((request) => `${JSON.stringify(request)}\n`).join('');
  const run = spawnSync(python ?? 'python3', [PROGRAM], { input, encoding: 'utf8', maxBuffer: ANSWER_LIMIT });
  if (run.status !== 0) {
    const cause = run.stderr || String(run.error);
    throw new Error(`Expected nltk_punkt.py to exit with 0 under ${python}, got ${run.status}: ${cause}`);
  }
  const answers: unknown[] = run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  if (answers.length !== requests.length) {
    throw new Error(`Expected ${requests.length} answers of nltk_punkt.py, got ${answers.length}`);
  }
  return answers;
}
