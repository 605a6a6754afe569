import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BENCHES, type BenchName } from '../../scripts/bench/benches.ts';
import type { BenchResult } from '../../scripts/bench/figure.ts';
import { PYTHON } from '../support/real-vllm.ts';

const MAIN = fileURLToPath(new URL('../../scripts/bench/bench.ts', import.meta.url));

/** Benches beside programs in Python: datatrove, Temporal's server, vLLM. */
const WITH_PYTHON: readonly BenchName[] = ['throughput', 'orchestration', 'vllm'];

describe('npm run bench -- --quick --json', () => {
  for (const name of Object.keys(BENCHES) as BenchName[]) {
    it.skipIf(WITH_PYTHON.includes(name) && PYTHON === undefined)(`${name} runs and gives its figures`, async () => {
      const bench = spawn(process.execPath, [MAIN, '--quick', '--json', '--only', name], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [stdout, stderr, code] = await Promise.all([
        text(bench.stdout),
        text(bench.stderr),
        new Promise((resolve) => bench.once('exit', resolve)),
      ]);
      expect(code, stderr).toBe(0);
      const { benches } = JSON.parse(stdout) as { benches: Record<string, BenchResult> };
      const { figures } = benches[name] ?? { figures: [] };
      expect(figures.length).toBeGreaterThan(0);
      for (const { value } of figures) expect(value).toBeGreaterThanOrEqual(0);
    });
  }
});
