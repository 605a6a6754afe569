import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The data beside the checkout that some tests read; they are skipped where it is missing. */
const SHARED_DATA =
  process.env['THOUGHTLOOP_SHARED_DATA'] ?? fileURLToPath(new URL('../../shared/data', import.meta.url));

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/**
 * A ring of tests: from pure functions outwards. Rings of one group run together. Files of the later groups each hold
 * servers or a model: two of them that mostly wait for a server share two cores, those with a model have them alone.
 */
function ring(name: string, group: number, timeout: number, filesAtOnce?: number): object {
  return {
    extends: true,
    test: {
      name,
      include: [`tests/${name}/**/*.test.ts`],
      testTimeout: timeout,
      hookTimeout: timeout,
      sequence: { groupOrder: group },
      ...(filesAtOnce === undefined ? {} : { fileParallelism: filesAtOnce > 1, maxWorkers: filesAtOnce }),
    },
  };
}

export default defineConfig({
  root: ROOT,
  test: {
    // One process a file: a file may install Temporal's runtime, which is possible once per process.
    pool: 'forks',
    isolate: true,
    globalSetup: fileURLToPath(new URL('./support/global-setup.ts', import.meta.url)),
    env: existsSync(SHARED_DATA) ? { THOUGHTLOOP_SHARED_DATA: SHARED_DATA } : {},
    projects: [
      ring('unit', 0, 30 * SECOND),
      ring('activities', 0, 2 * MINUTE),
      ring('store', 0, MINUTE),
      ring('replay', 0, MINUTE),
      ring('server', 1, 5 * MINUTE, 2),
      ring('loop', 2, 20 * MINUTE, 1),
    ],
  },
});
