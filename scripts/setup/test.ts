/**
 * `npm test [-- <ring>…] [-- vitest's own arguments]`: runs the tests and says at the very end `N passed, N failed`, with
 * `, N skipped` where there are any, also when vitest itself breaks down.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTestCounts, summary } from './test-counts.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RINGS = ['unit', 'activities', 'store', 'replay', 'server', 'loop'];

const args = process.argv.slice(2);
const rings = args.filter((arg) => RINGS.includes(arg));
const passedOn = args.filter((arg) => !RINGS.includes(arg));

const folder = mkdtempSync(join(tmpdir(), 'thoughtloop-test-'));
const report = join(folder, 'report.json');
const vitest = spawn(
  process.execPath,
  [
    join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--config',
    join(ROOT, 'tests', 'vitest.config.ts'),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    '--passWithNoTests',
    ...rings.map((ring) => `--project=${ring}`),
    ...passedOn,
  ],
  { cwd: ROOT, stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));

const exitCode = await new Promise<number>((resolve) => vitest.once('close', (code) => resolve(code ?? 1)));
const counts = readTestCounts(report, exitCode);
rmSync(folder, { recursive: true, force: true });
if (counts.complaint !== undefined) console.log(`\n${counts.complaint}`);
console.log(`\n${summary(counts)}`);
process.exitCode = counts.failed > 0 ? 1 : 0;
