/**
 * A launcher for tests: node fake-launcher.ts BEHAVIOUR --spec FILE. It keeps the contract of deploy/server/serve.py
 * (spec.json in, endpoint.json out, removed at the end) around the fake vLLM server.
 *
 *   serve         serves the model of the spec
 *   die           writes to stderr and exits with 1
 *   never         never writes where it listens
 *   other         serves the toy model in <model>/../other/model, under the name of the spec
 *
 * The environment can say more: FAKE_SERVER_LATENCY (milliseconds an answer takes), FAKE_SERVER_JOURNAL (folder; each
 * server has a journal there, see fake-vllm-server.ts), FAKE_SERVER_STALE (a folder: the first server that starts while
 * it is there removes it and serves the model that it holds, like a server that was left from another checkpoint).
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
const { FAKE_SERVER_LATENCY = '0', FAKE_SERVER_JOURNAL = '', FAKE_SERVER_STALE = '' } = process.env;

/** Takes the stale model, if there is one: renaming lets one server alone have it. */
function staleModel(): string | undefined {
  if (!existsSync(FAKE_SERVER_STALE)) return undefined;
  const taken = `${FAKE_SERVER_STALE}.${process.pid}`;
  try {
    renameSync(FAKE_SERVER_STALE, taken);
    return join(taken, 'model');
  } catch {
    return undefined;
  }
}

const own = behaviour === 'other' ? join(spec.model, '..', 'other', 'model') : spec.model;
if (FAKE_SERVER_JOURNAL !== '') mkdirSync(FAKE_SERVER_JOURNAL, { recursive: true });
const server = await FakeVllmServer.start({
  model: staleModel() ?? own,
  servedName: spec.servedName,
  latencyMs: Number(FAKE_SERVER_LATENCY),
  ...(FAKE_SERVER_JOURNAL === ''
    ? {}
    : { journal: join(FAKE_SERVER_JOURNAL, `${spec.key.replaceAll('/', '.')}.${process.pid}`) }),
});
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
