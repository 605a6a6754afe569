import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDatabase, withTransaction, type Database } from '../../activities/store/pool.ts';
import { findRun } from '../../activities/store/runs.ts';
import { claimShard, holdLease } from '../../activities/store/shards.ts';
import { readOverview } from '../../scripts/run/overview.ts';
import { headline, overviewText } from '../../scripts/run/overview-text.ts';
import { stepProgress } from '../../activities/store/step-progress.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { plannedEStep } from '../support/planned-e-step.ts';
import { insertRun } from '../support/run-row.ts';

let store: TestDatabase;
let database: Database;
let data: string;

beforeEach(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
  data = mkdtempSync(join(tmpdir(), 'thoughtloop-silence-'));
});

afterEach(async () => {
  await database.end();
  await store.drop();
  rmSync(data, { recursive: true });
});

/** A run whose present phase began 42 minutes ago. */
async function runIn(phase: string, run = 'run'): Promise<void> {
  if ((await findRun(database, run)) === null) await insertRun(database, run);
  await database.query(
    `update runs set phase = $2, iteration = 1, updated_at = now() - interval '42 min 5 s' where run = $1`,
    [run, phase],
  );
}

async function told(run = 'run'): Promise<string> {
  const row = await findRun(database, run);
  if (row === null) throw new Error('Expected the run');
  const overview = await readOverview(database, data, row);
  const line = headline(overview);
  expect(overviewText(overview)).toContain(line);
  return line.includes('no progress') ? line.slice(line.indexOf('no progress')) : 'progress';
}

it('a run whose shards write nothing says so, and what it waits for; its next chunk ends that', async () => {
  const input = await plannedEStep(database, [{ chunks: ['ab'] }]);
  const { run } = input.place;
  await runIn('e-step', run);
  await database.query(`update e_steps set created_at = now() - interval '43 min'`);
  expect(await told(run)).toMatch(/^no progress for 42 min \d s: last phase began, waits for a server: none is there$/);
  const server = `insert into servers (fleet, slot, generation, run, model, url, state) values ($1, $2, 0, $3, 'toy', $4, $5)`;
  await database.query(server, [input.fleet, 0, run, null, 'starting']);
  expect(await told(run)).toContain('waits for a server: 1 starting');
  await database.query(server, [input.fleet, 1, run, 'http://there:1', 'ready']);
  expect(await told(run)).toContain('waits for answers of http://there:1');

  const claim = await claimShard(database, input.eStep, input.shard, 'someone');
  expect(await told(run)).toContain('no progress');
  await withTransaction(database, (connection) => holdLease(connection, claim));
  expect(await told(run)).toBe('progress');
  await database.query(`update shards set written_at = now() - interval '30 min'`);
  expect(await told(run)).toMatch(/^no progress for 30 min.*: last chunk made durable/);
});

it('a training that writes no line is named; a line ends that', async () => {
  await insertRun(database, 'run');
  await runIn('m-step');
  mkdirSync(join(data, 'job'));
  await database.query(
    `insert into jobs (key, run, cluster, kind, folder, state, submitted_at)
     values ('run/i1/m', 'run', 'slurm', 'training', 'job', 'running', now() - interval '41 min')`,
  );
  expect(await told()).toMatch(/last job begun or ended, waits for job run\/i1\/m \(running on slurm\)$/);
  writeFileSync(join(data, 'job', 'progress.jsonl'), `${JSON.stringify({ step: 1, at: new Date().toISOString() })}\n`);
  expect(await told()).toBe('progress');
});

const insertJob = (kind: string, ago: string): Promise<unknown> =>
  database.query(
    `insert into jobs (key, run, cluster, kind, folder, state, submitted_at)
     values ($1, 'run', 'slurm', $1, 'job', 'running', now() - $2::interval)`,
    [kind, ago],
  );

it('a base model that is being made is progress for as long as it is given, and no longer', async () => {
  await runIn('base');
  await insertJob('base', '1 h 59 min');
  expect(await told()).toBe('progress');
  await database.query(`update jobs set submitted_at = now() - interval '2 h 1 min'`);
  await database.query(`update runs set updated_at = now() - interval '3 h'`);
  expect(await told()).toMatch(/^no progress for 2 h 1 min: last .*, waits for job base \(running on slurm\)$/);
});

it('a line of a base model’s job is progress', async () => {
  await runIn('base');
  await insertJob('base', '3 h');
  expect(await told()).toContain('no progress');
  mkdirSync(join(data, 'job'));
  writeFileSync(join(data, 'job', 'progress.jsonl'), `${JSON.stringify({ step: 1, at: new Date().toISOString() })}\n`);
  expect(await told()).toBe('progress');
});

it('a step that says how far it is makes progress', async () => {
  await runIn('training-set');
  expect(await told()).toMatch(/waits for the end of training-set$/);
  stepProgress(database, 'run', () => undefined, 0)('writing', 300);
  await eventually('the event', async () => (await told()) === 'progress');
  await database.query(`update events set at = now() - interval '30 min'`);
  expect(await told()).toMatch(/^no progress for 30 min.*: last documents done/);
});

it('an E-step that is sampled is added up for as long as a statement may take', async () => {
  const input = await plannedEStep(database, [{ chunks: ['ab'] }]);
  const { run } = input.place;
  await runIn('e-step', run);
  await database.query(`update e_steps set created_at = now() - interval '5 h'`);
  await database.query(`update shards set finished_at = now() - interval '59 min'`);
  expect(await told(run)).toBe('progress');
  await database.query(`update runs set updated_at = now() - interval '5 h'`);
  await database.query(`update shards set finished_at = now() - interval '61 min'`);
  expect(await told(run)).toMatch(/^no progress for 1 h 1 min.*, waits for the E-step to be added up$/);
});

it('the end of one evaluation is progress, before the next one has an answer', async () => {
  await runIn('evaluation');
  expect(await told()).toContain('no progress');
  await database.query(
    `insert into evaluations (evaluation, run, arm, iteration, trial, benchmark, checkpoint, settings, finished_at)
     values ('one', 'run', 'latent', 1, 0, 'sums', 'd', '{}', now())`,
  );
  expect(await told()).toBe('progress');
});

it('servers that start and die again and again are no progress', async () => {
  await insertRun(database, 'run');
  await runIn('e-step');
  await database.query(
    `insert into jobs (key, run, cluster, kind, folder, state, submitted_at, ended_at)
     values ('run/i1/fleet/0/g0', 'run', 'process', 'server', 'job', 'failed', now(), now())`,
  );
  expect(await told()).toContain('no progress for 42 min');
});

it('a run that is paused, parked or over is not meant to get on', async () => {
  await insertRun(database, 'run');
  await runIn('e-step');
  for (const status of ['Paused', 'Parked', 'Completed']) {
    await database.query('update runs set status = $1', [status]);
    expect(await told()).toBe('progress');
  }
});
