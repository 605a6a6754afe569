import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import {
  NO_PYTHON,
  PREPARE,
  readJson,
  runOn,
  SERVE,
  startOn,
  tinyBase,
  type ModelFacts,
  type Started,
} from '../support/trainer-programs.ts';

interface Endpoint {
  readonly key: string;
  readonly url: string;
  readonly servedName: string;
  readonly pid: number;
  readonly startedAt: string;
}

describe.skipIf(NO_PYTHON)('the launcher of vLLM (set THOUGHTLOOP_PYTHON to run)', () => {
  let folder: string;
  let server: Started | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'thoughtloop-serve-'));
    const { code, errors } = await runOn(PREPARE, tinyBase(folder), folder);
    expect(code, errors).toBe(0);
  });

  afterEach(async () => {
    server?.process.kill('SIGTERM');
    await server?.ended;
    server = undefined;
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const output = (name: string): string => join(folder, name);
  const endpointFile = (name: string): string => join(output(name), 'endpoint.json');

  const specOf = (name: string, changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
    key: `test/${name}`,
    model: join(folder, 'base', 'model'),
    servedName: `test-i0-${name}`,
    output: output(name),
    dtype: 'float32',
    maxModelLen: 64,
    prefixCaching: false,
    extraArgs: [],
    ...changes,
  });

  /** Processes that were started with the server's mark in their environment, whatever their name. */
  function processes(name: string): number[] {
    return execFileSync('ps', ['-eo', 'pid='], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`THOUGHTLOOP_TEST_SERVER=${folder}/${name}\0`);
        } catch {
          return false;
        }
      });
  }

  async function serve(name: string): Promise<Endpoint> {
    process.env['THOUGHTLOOP_TEST_SERVER'] = `${folder}/${name}`;
    server = startOn(SERVE, specOf(name), folder);
    delete process.env['THOUGHTLOOP_TEST_SERVER'];
    let ended = false;
    void server.ended.then(() => (ended = true));
    await eventually('the server is ready or has ended', () => ended || existsSync(endpointFile(name)), 240);
    if (ended) throw new Error((await server.ended).errors);
    return readJson<Endpoint>(endpointFile(name));
  }

  async function complete(url: string, body: object): Promise<Record<string, unknown>[]> {
    const answer = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { choices: Record<string, unknown>[] }).choices;
  }

  test('serves the checkpoint under its name, with the logprobs of its fingerprint; SIGTERM leaves no process', async () => {
    const { key, url, servedName, pid } = await serve('normal');
    expect({ key, servedName, pid }).toEqual({
      key: 'test/normal',
      servedName: 'test-i0-normal',
      pid: server?.process.pid,
    });
    expect(processes('normal').length).toBeGreaterThan(2);

    const { ids, logprobs } = readJson<{ ids: number[][]; logprobs: number[][] }>(folder, 'base', 'fingerprint.json');
    for (const [number, prompt] of ids.entries()) {
      const [choice] = await complete(url, { model: servedName, prompt, max_tokens: 1, prompt_logprobs: 0 });
      const scored = choice?.['prompt_logprobs'] as ({ [id: string]: { logprob: number } } | null)[];
      expect(scored[0]).toBeNull();
      const found = prompt.slice(1).map((id, place) => scored[place + 1]?.[id]?.logprob ?? NaN);
      const worst = Math.max(...found.map((value, place) => Math.abs(value - (logprobs[number]?.[place] ?? NaN))));
      expect(worst).toBeLessThan(1e-4);
    }

    // Many seeded requests at once: vLLM must not split their prompts, which would end its engine on a CPU.
    const { markers, beginning } = readJson<ModelFacts>(folder, 'base', 'model', 'thoughtloop.json');
    const prompt = [
      beginning,
      ...Array.from({ length: 40 }, (_, n) => 10 + n),
      markers.startOfLatent,
      markers.posteriorPrefix,
    ];
    const sampled = await Promise.all(
      Array.from({ length: 64 }, (_, seed) =>
        complete(url, { model: servedName, prompt, n: 4, seed, max_tokens: 5, temperature: 1, return_token_ids: true }),
      ),
    );
    expect(sampled.every((choices) => choices.length === 4)).toBe(true);

    server?.process.kill('SIGTERM');
    expect((await server?.ended)?.code).toBe(0);
    expect(existsSync(endpointFile('normal'))).toBe(false);
    expect(processes('normal')).toEqual([]);
  });

  test('killed itself, it takes vLLM with it and withdraws the endpoint', async () => {
    await serve('killed');
    server?.process.kill('SIGKILL');
    await server?.ended;
    await eventually('no process is left', () => processes('killed').length === 0);
    await eventually('the endpoint is withdrawn', () => !existsSync(endpointFile('killed')));
  });

  test('a vLLM that ends by itself is reported with its last lines', async () => {
    const { code, errors } = await runOn(SERVE, specOf('wrong', { extraArgs: ['--no-such-argument'] }), folder);
    expect(code).toBe(1);
    expect(errors).toMatch(/no-such-argument/);
    expect(errors).toMatch(/vLLM ended by itself with exit code 2/);
    expect(existsSync(endpointFile('wrong'))).toBe(false);
  });

  test('a folder that is no model is refused before vLLM is started', async () => {
    writeFileSync(join(folder, 'file'), '');
    const { code, errors } = await runOn(SERVE, specOf('none', { model: join(folder, 'no-model') }), folder);
    expect(code).toBe(2);
    expect(errors).toMatch(/model folder with config\.json, found none/);
    expect(readJson<{ key: string }>(output('none'), 'FAILED.json').key).toBe('test/none');
  });
});
