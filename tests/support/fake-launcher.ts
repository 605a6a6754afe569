/**
 * A launcher for tests: node fake-launcher.ts BEHAVIOUR --spec FILE. It keeps the contract of deploy/server/serve.py
 * (spec.json in, endpoint.json out, removed at the end) around the fake vLLM server.
 *
 *   serve         serves the model of the spec
 *   die           writes to stderr and exits with 1
 *   never         never writes where it listens
 *   other         serves the toy model in <model>/../other/model, under the name of the spec
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FakeVllmServer } from './fake-vllm-server.ts';

const [behaviour, , file] = process.argv.slice(2);
const spec = JSON.parse(await readFile(file ?? '', 'utf8')) as Record<
  'key' | 'model' | 'servedName' | 'output',
  string
>;
const endpoint = join(spec.output, 'endpoint.json');

if (behaviour === 'die') {
  console.error('ValueError: no room for the KV cache');
  process.exit(1);
}
const model = behaviour === 'other' ? join(spec.model, '..', 'other', 'model') : spec.model;
const server = await FakeVllmServer.start({ model, servedName: spec.servedName });
process.on('SIGTERM', () => {
  rmSync(endpoint, { force: true });
  process.exit(0);
});
if (behaviour !== 'never') {
  const { key, servedName } = spec;
  const text = JSON.stringify({
    key,
    url: server.url,
    servedName,
    pid: process.pid,
    startedAt: new Date().toISOString(),
  });
  writeFileSync(`${endpoint}.tmp`, text);
  renameSync(`${endpoint}.tmp`, endpoint);
}
