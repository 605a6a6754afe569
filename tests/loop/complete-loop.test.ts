import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifyCheckpoint } from '../../activities/m-step/verify-checkpoint.ts';
import { readState } from '../../scripts/stack/stack-state.ts';
import { readStack } from '../../scripts/stack/stack.ts';
import { stopStack } from '../../scripts/stack/stop-stack.ts';
import { thoughtloop, type CommandResult } from '../support/command-line.ts';
import { eventually } from '../support/eventually.ts';
import { killProcess } from '../support/kill-process.ts';
import { processesNaming } from '../support/processes.ts';
import { withoutStackEnvironment } from '../support/stack-environment.ts';

const RECIPE = fileURLToPath(new URL('../../deploy/recipes/micro.toml', import.meta.url));

const DOCUMENTS = 200;
const SAMPLES = 2;
const MINUTES = 60;

/** The demo's recipe, made small; 150 steps are about what it takes to learn where a thought ends. */
const SMALL = {
  iterations: 2,
  'warm-start.steps': 150,
  'warm-start.checkpoint_every': 25,
  'm-step.steps': 60,
  'm-step.checkpoint_every': 25,
  'e-step.samples': SAMPLES,
  'e-step.shard_documents': 20,
  'e-step.concurrency': 1,
  'e-step.chunks_in_flight': 4,
  'e-step.max_rejected': 1,
  'evaluation.held-out.documents': 8,
  'evaluation.held-out.samples': 2,
};

let data: string;
let corpus: string;
let restoreEnvironment: () => void;

beforeAll(() => {
  restoreEnvironment = withoutStackEnvironment();
  data = mkdtempSync(join(tmpdir(), 'thoughtloop-loop-'));
  corpus = join(data, 'corpus');
});

afterAll(async () => {
  await stopStack({ dataFolder: data });
  for (const { pid } of processesNaming(data)) killProcess(pid);
  rmSync(data, { recursive: true, force: true });
  restoreEnvironment();
});

const run = (...args: string[]): Promise<CommandResult> => thoughtloop(args, { THOUGHTLOOP_DATA: data });

async function command(...args: string[]): Promise<CommandResult> {
  const result = await run(...args);
  if (result.code !== 0) throw new Error(`thoughtloop ${args.join(' ')} ended with ${result.code}:\n${result.stderr}`);
  return result;
}

async function query<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
  const stack = readStack(data);
  if (stack === undefined) throw new Error(`Expected a stack in ${data}, found none`);
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  // The server is killed under us on purpose; what asks then asks again.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Where the run is, e.g. `latent/1 e-step Running`; undefined while the store is away. */
const whereabouts = (): Promise<string | undefined> =>
  query<{ at: string }>(`select format('%s/%s %s %s', arm, iteration, phase, status) as at from runs`).then(
    ([row]) => row?.at,
    () => undefined,
  );

const at = (place: string): Promise<unknown> =>
  eventually(`the run at ${place}`, async () => (await whereabouts())?.startsWith(place) === true, 6 * MINUTES);

/** Kills one process of the stack, by name. */
function killOfStack(name: string): void {
  const found = readState(data)?.processes.find((process) => process.name === name);
  if (found === undefined) throw new Error(`Expected a process ${name} in the stack, found none`);
  killProcess(found.pid);
}

/** Kills a job's program once it runs. */
async function killJob(...words: string[]): Promise<void> {
  const [found] = await eventually(
    `a process ${words.join(' ')}`,
    () => {
      const all = processesNaming(data, ...words);
      return all.length > 0 && all;
    },
    2 * MINUTES,
  );
  killProcess((found as { pid: number }).pid);
}

const durableChunks = (): Promise<number> =>
  query<{ chunks: number }>('select count(*)::int as chunks from chunk_results').then(
    ([row]) => row?.chunks ?? 0,
    () => 0,
  );

it(
  'runs on real parts to its end although every kind of process is killed on the way',
  { timeout: 25 * 60_000 },
  async () => {
    await command('up');
    await command(
      'corpus',
      'make',
      'micro',
      '--out',
      corpus,
      '--em',
      `${DOCUMENTS}`,
      '--held-out',
      '8',
      '--test',
      '16',
    );
    for (const split of ['teacher', 'em', 'held-out']) {
      await command('corpus', 'import', join(corpus, `${split}.jsonl`), '--corpus', 'micro', '--split', split);
    }
    const settings = Object.entries(SMALL).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
    const recipe = [RECIPE, '--var', `data=${corpus}`, ...settings];
    await command('start', ...recipe);

    await at('latent/0 m-step');
    await killJob('train.py');
    await at('latent/0 evaluation');
    await killJob('vllm_on_cpu.py');

    await at('latent/1 e-step');
    await eventually('sampled chunks', async () => (await durableChunks()) > 0, 3 * MINUTES);
    killOfStack('sampler-1');
    await killJob('vllm_on_cpu.py');
    await at('latent/1 m-step');
    killOfStack('postgres');
    await at('latent/1 evaluation');
    killOfStack('temporal');

    await at('latent/2 e-step');
    const before = await durableChunks();
    await eventually('sampled chunks', async () => (await durableChunks()) > before, 3 * MINUTES);
    killOfStack('control');
    killOfStack('cluster');
    killOfStack('evaluator');

    // The whole stack at once; `up` brings it back with its data, and the run goes on by itself.
    await at('latent/2 m-step');
    const state = readState(data);
    for (const { pid } of [...(state?.supervisor ? [state.supervisor] : []), ...(state?.processes ?? [])]) {
      killProcess(pid);
    }
    await command('up');

    const watched = await run('watch', 'micro');
    expect(watched.code, `${watched.stdout}\n${watched.stderr}`).toBe(0);

    // Every chunk has one choice or one rejection, and all its candidates or none.
    const chunks = await query<{ iteration: number; arm: string; chunks: number; candidates: number; whole: boolean }>(
      `select e.arm, e.iteration, count(*)::int as chunks, max(e.samples)::int as candidates,
            bool_and(coalesce(t.rows, 0) in (0, e.samples) and coalesce(t.chosen, 0) = (r.selected is not null)::int) as whole
       from e_steps e join chunk_results r using (e_step)
       left join (select e_step, document, chunk, count(*) as rows, count(*) filter (where selected)::int as chosen
                    from thoughts group by 1, 2, 3) t using (e_step, document, chunk)
      group by 1, 2 order by 1 desc, 2`,
    );
    expect(chunks).toEqual([
      { arm: 'latent', iteration: 1, chunks: DOCUMENTS, candidates: SAMPLES, whole: true },
      { arm: 'latent', iteration: 2, chunks: DOCUMENTS, candidates: SAMPLES, whole: true },
      { arm: 'k1', iteration: 2, chunks: DOCUMENTS, candidates: 1, whole: true },
    ]);

    // One training for each model, each with a checkpoint whose files hold.
    const checkpoints = await query<{ key: string; digest: string; folder: string }>(
      'select key, digest, folder from checkpoints order by key',
    );
    expect(checkpoints.map(({ key }) => key)).toEqual([
      'micro/arm/control/i1/m/control-0',
      'micro/arm/k1/i1/m/k1-0',
      'micro/arm/k1/i2/m/k1-0',
      'micro/arm/raw-flop/i2/m/raw-flop-0',
      'micro/arm/raw-token/i2/m/raw-token-0',
      'micro/base',
      'micro/i0/m/latent-0',
      'micro/i1/m/latent-0',
      'micro/i2/m/latent-0',
    ]);
    for (const checkpoint of checkpoints) await verifyCheckpoint(data, checkpoint);

    // Every model has its figures, and nothing that the run started is left.
    const { stdout } = await command('status', 'micro', '--json');
    const { run: ended, results } = JSON.parse(stdout) as {
      run: { status: string };
      results: { accuracy: number | null; n: number }[];
    };
    expect(ended.status).toBe('Completed');
    expect(results).toHaveLength(8);
    for (const { accuracy, n } of results) expect([typeof accuracy, n]).toEqual(['number', 16]);
    expect(processesNaming(data, 'deploy/')).toEqual([]);

    // The same recipe again is the same run; another under its name is refused with the difference.
    const again = await command('start', ...recipe);
    expect(again.stdout + again.stderr).toMatch(/completed/i);
    const other = await run('start', ...recipe, '--set', 'seed=7');
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/seed/);
  },
);
