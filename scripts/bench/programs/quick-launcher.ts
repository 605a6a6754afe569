/**
 * The quick server behind the contract of deploy/server: `node quick-launcher.ts --spec FILE` writes `endpoint.json`, and
 * removes it at SIGTERM. BENCH_LATENCY is the time an answer takes, milliseconds.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startQuickServer } from '../server/quick-server.ts';

const file = process.argv[process.argv.indexOf('--spec') + 1] ?? '';
const spec = JSON.parse(readFileSync(file, 'utf8')) as Record<'key' | 'model' | 'servedName' | 'output', string>;
const { key, model, servedName, output } = spec;
const latencyMs = Number(process.env['BENCH_LATENCY'] ?? 0);
const url = await startQuickServer({ model, servedName, latencyMs, thoughtTokens: 32, port: 0 });
const endpoint = join(output, 'endpoint.json');
process.on('SIGTERM', () => {
  rmSync(endpoint, { force: true });
  process.exit(0);
});
const text = JSON.stringify({ key, url, servedName, pid: process.pid, startedAt: new Date().toISOString() });
writeFileSync(`${endpoint}.tmp`, text);
renameSync(`${endpoint}.tmp`, endpoint);
