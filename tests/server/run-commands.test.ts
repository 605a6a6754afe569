import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { importFile } from '../../activities/corpus/import.ts';
import { createRecordActivities } from '../../activities/record/activities.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { writeMicro } from '../../scripts/corpora/micro.ts';
import type { RunProgress } from '../../workflows/contract/activities.ts';
import { thoughtloop, type CommandResult } from '../support/command-line.ts';
import { eventually } from '../support/eventually.ts';
import { FakeActivities } from '../support/fake-activities.ts';
import { startFakeWorkers } from '../support/fake-workers.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts';

const RECIPE = fileURLToPath(new URL('../../deploy/recipes/micro.toml', import.meta.url));

let store: TestDatabase;
let database: Database;
let temporal: TestTemporal;
let stopWorkers: () => Promise<void>;
let folder: string;
let fake: FakeActivities;
/** Holds a cancelled run's last word to the store: before it is written, or when it has been. */
let hold: { readonly when: 'before' | 'after'; readonly until: Promise<void> } | undefined;

beforeAll(async () => {
  [store, temporal] = await Promise.all([createTestDatabase(), startTestTemporal()]);
  database = openDatabase(store.url);
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-commands-'));
  await writeMicro(join(folder, 'micro'));
  for (const split of ['teacher', 'em', 'held-out']) {
    await importFile(database, { file: join(folder, 'micro', `${split}.jsonl`), corpus: 'micro', split });
  }
  // The store's bookkeeping is real, every other step is the fake of the test that runs.
  const record = createRecordActivities({ database, dataFolder: join(folder, 'data'), python: 'python3' });
  const recordProgress = async (progress: RunProgress): Promise<void> => {
    const held = progress.status === 'Canceled' ? hold : undefined;
    if (held?.when === 'before') await held.until;
    await record.recordProgress(progress);
    if (held?.when === 'after') await held.until;
  };
  const instead = { ...record, recordProgress, planRawBudget: () => Promise.resolve({ tokens: 100 }) };
  stopWorkers = await startFakeWorkers({ address: temporal.address, fake: () => fake, instead });
});

afterAll(async () => {
  await stopWorkers();
  await database.end();
  await Promise.all([store.drop(), temporal.stop()]);
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  fake = new FakeActivities();
  hold = undefined;
});

const command = (
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  told?: (stderr: string) => void,
): Promise<CommandResult> =>
  thoughtloop(
    args,
    {
      DATABASE_URL: store.url,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_CONFIG_FILE: join(folder, 'none.toml'),
      THOUGHTLOOP_DATA: join(folder, 'data'),
      ...environment,
    },
    told,
  );

/** Without arms and with one iteration: what the commands do does not depend on how long a run is. */
const SHORT = ['--set', 'arms=[]', '--set', 'iterations=1'];

const startOf = (name: string): readonly string[] => [
  ...['start', RECIPE, '--var', `data=${join(folder, 'micro')}`, '--set', `name=${name}`, ...SHORT],
];

const start = (name: string, ...more: readonly string[]): Promise<CommandResult> =>
  command([...startOf(name), ...more]);

test('a run that completes ends its watch with 0, keeps its benchmark files, and is not run again', async () => {
  const first = await start('whole', '--watch');
  expect(first.stderr).toContain('Run whole started.');
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toMatch(/\d\d:\d\d:\d\d {2}completed/);
  const [copy] = await readdir(join(folder, 'data', 'benchmarks'));
  expect(copy).toMatch(/^[0-9a-f]{64}\.jsonl$/);
  expect(await readFile(join(folder, 'data', 'benchmarks', copy ?? ''))).toEqual(
    await readFile(join(folder, 'micro', 'test.jsonl')),
  );
  const calls = fake.calls.length;
  const again = await start('whole');
  expect(again.code).toBe(0);
  expect(again.stderr).toContain('is over (Completed)');
  expect(fake.calls).toHaveLength(calls);
});

test('a name that belongs to another recipe is refused with the differences', async () => {
  fake.hang('awaitJob');
  await start('taken');
  const refused = await start(
    'taken',
    '--set',
    'e-step.samples=8',
    '--set',
    'm-step.tokens=100000',
    '--set',
    'm-step.steps=7',
  );
  expect(refused.code).toBe(2);
  const other = await start('taken', '--set', 'e-step.samples=8');
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('e-step.samples: 4 → 8');
  expect(other.stderr).toContain('--set name=');
  const same = await start('taken', '--json');
  expect(JSON.parse(same.stdout)).toMatchObject({ run: 'taken', kind: 'running' });
  await command(['cancel', 'taken']);
  expect((await command(['watch', 'taken'])).code).toBe(4);
});

test('a corpus without documents is refused before anything is written', async () => {
  const refused = await start('nowhere', '--set', 'corpus.train=missing');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('none in missing');
  const { rows } = await database.query(`select run from runs where run = 'nowhere'`);
  expect(rows).toEqual([]);
});

test('a cluster that there is no adapter for is refused before anything is written', async () => {
  const refused = await start('nowhere', '--set', 'm-step.cluster=mainframe');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('`mainframe`');
});

test('a parked run says which commands help, takes only what can be changed, and goes on', async () => {
  fake.failNext('buildTrainingSet', 'CorpusInvalid');
  const parked = await start('stuck', '--watch');
  expect(parked.code).toBe(4);
  expect(parked.stdout).toContain('thoughtloop decide stuck retry');
  expect((await command(['status', 'stuck'])).stdout).toContain('CorpusInvalid');

  const skip = await command(['decide', 'stuck', 'skip']);
  expect(skip.code).toBe(2);
  expect(skip.stderr).toContain('cannot go on without');
  const science = await command(['decide', 'stuck', 'retry', '--set', 'e-step.samples=3']);
  expect(science.code).toBe(2);
  expect(science.stderr).toContain('cannot be changed under way');
  const unknown = await command(['decide', 'stuck', 'retry', '--set', 'e-step.max_rejcted=0.5']);
  expect(unknown.stderr).toContain('did you mean `e-step.max_rejected`?');

  const retry = await command(['decide', 'stuck', 'retry', '--set', 'e-step.max_rejected=0.5', '--json']);
  expect(JSON.parse(retry.stdout)).toMatchObject({ run: 'stuck', action: 'retry' });
  expect((await command(['watch', 'stuck'])).code).toBe(0);
  const late = await command(['decide', 'stuck', 'retry']);
  expect(late.code).toBe(2);
  expect(late.stderr).toContain('completed');
});

test('a decision answers the question that the operator saw, not one that the run has asked since', async () => {
  fake.failNext('buildTrainingSet', 'CorpusInvalid', 2);
  const parked = await start('asked-twice', '--watch');
  const first = questionIn(parked.stdout);
  expect((await command(['decide', 'asked-twice', 'retry', '--question', first])).code).toBe(0);
  const again = await command(['watch', 'asked-twice']);
  expect(again.code).toBe(4);
  expect(questionIn(again.stdout)).not.toBe(first);
  const late = await command(['decide', 'asked-twice', 'abort', '--question', first]);
  expect(late.code).toBe(2);
  expect(late.stderr).toContain('parked anew since');
  expect(late.stderr).toContain('thoughtloop status asked-twice');
  expect((await command(['decide', 'asked-twice', 'retry'])).code).toBe(0);
  expect((await command(['watch', 'asked-twice'])).code).toBe(0);
});

/** The question that a parked run's commands name. */
const questionIn = (text: string): string =>
  /thoughtloop decide \S+ retry --question ([0-9a-f]{6})$/m.exec(text)?.[1] ?? `none in ${text}`;

test('of two operators who decide at once one is taken, the other is told why not', async () => {
  fake.failNext('buildTrainingSet', 'CorpusInvalid');
  await start('disputed', '--watch');
  const both = await Promise.all([command(['decide', 'disputed', 'retry']), command(['decide', 'disputed', 'retry'])]);
  const refused = both.filter(({ code }) => code !== 0);
  expect(refused).toHaveLength(1);
  // The second comes while the first is being carried out, when the run goes on, or when the step has ended.
  expect(refused[0]?.stderr).toMatch(/already decided \(retry\)|not parked|waits? for (a|the) decision/);
  expect((await command(['watch', 'disputed'])).code).toBe(0);
});

test('a run that is not parked takes no decision', async () => {
  fake.hang('awaitJob');
  await start('busy');
  const refused = await command(['decide', 'busy', 'retry']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('Expected a run that waits for a decision, found run busy running');
  await command(['cancel', 'busy']);
});

test('a cancelled run is taken up again by starting it', async () => {
  fake.hang('awaitJob');
  await start('broken-off');
  await eventually('the first job to be awaited', () => fake.calls.some((call) => call.startsWith('awaitJob')));
  expect((await command(['cancel', 'broken-off'])).code).toBe(0);
  const watched = await command(['watch', 'broken-off']);
  expect(watched.code).toBe(4);
  fake = new FakeActivities();
  const again = await start('broken-off', '--watch');
  expect(again.stderr).toContain('goes on where it was');
  expect(again.code, again.stdout).toBe(0);
});

test.each([
  ['before', 'Running'],
  ['after', 'Canceled'],
] as const)(
  'a start before a cancellation has ended waits for its end (%s the store says so)',
  async (when, status) => {
    const run = `cancelled-${when}`;
    let release = (): void => undefined;
    hold = { when, until: new Promise((resolve) => (release = resolve)) };
    fake.hang('awaitJob');
    await start(run);
    await eventually('the first job to be awaited', () => fake.calls.some((call) => call.startsWith('awaitJob')));
    await command(['cancel', run]);
    await eventually(`the run to be ${status}`, async () => (await statusOf(run)) === status);
    fake = new FakeActivities();
    const again = await command(startOf(run), {}, (stderr) => {
      if (stderr.includes('is being cancelled')) release();
    });
    release();
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain('goes on where it was');
    expect((await command(['watch', run])).code).toBe(0);
  },
);

test('pause and resume reach the run', async () => {
  fake.hang('awaitJob');
  await start('paused');
  await eventually('the first job to be awaited', () => fake.calls.some((call) => call.startsWith('awaitJob')));
  await command(['pause', 'paused']);
  await eventually('the run to say that it is paused', async () => (await statusOf('paused')) === 'Paused');
  await command(['resume', 'paused']);
  await eventually('the run to go on', async () => (await statusOf('paused')) === 'Running');
  await command(['cancel', 'paused']);
  await eventually('the run to end', async () => (await statusOf('paused')) === 'Canceled');
  expect((await command(['pause', 'paused'])).code).toBe(2);
});

async function statusOf(run: string): Promise<string | undefined> {
  const { rows } = await database.query<{ status: string }>('select status from runs where run = $1', [run]);
  return rows[0]?.status;
}

test('status answers when Temporal is away, and says so', async () => {
  await start('alone', '--watch');
  const away = await command(['status', 'alone'], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
  expect(away.code).toBe(0);
  expect(away.stdout).toContain('Completed');
  expect(away.stdout).toContain('Temporal: not reachable');
});

test('a start without Temporal says so and writes nothing', async () => {
  const other = await createTestDatabase();
  const unused = openDatabase(other.url);
  for (const split of ['teacher', 'em', 'held-out']) {
    await importFile(unused, { file: join(folder, 'micro', `${split}.jsonl`), corpus: 'micro', split });
  }
  const away = await command(
    ['start', RECIPE, '--var', `data=${join(folder, 'micro')}`, '--set', 'name=unheard', '--data', join(folder, 'new')],
    { TEMPORAL_ADDRESS: '127.0.0.1:1', DATABASE_URL: other.url },
  );
  const { rows } = await unused.query('select run from runs');
  await unused.end();
  await other.drop();
  expect(away.code).toBe(3);
  expect(away.stderr).toMatch(/Expected Temporal to answer .*\(127\.0\.0\.1:1\)/);
  expect(away.stderr).not.toContain('    at ');
  expect(rows).toEqual([]);
  expect(existsSync(join(folder, 'new'))).toBe(false);
});

test('of several corpus files none is imported when one is missing', async () => {
  const files = [join(folder, 'micro', 'em.jsonl'), join(folder, 'micro', 'missing.jsonl')];
  const refused = await command(['corpus', 'import', ...files, '--corpus', 'several', '--split', 'em']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('there is none at');
  const { rows } = await database.query(`select from corpora where name = 'several'`);
  expect(rows).toEqual([]);
});

test('a database older than its files is named by status and doctor, refused by what writes, and adopted on request', async () => {
  await start('older', '--watch');
  const file = join(folder, 'data', 'store.json');
  const whole = await readFile(file, 'utf8');
  // What the folder has seen of a later state of the database.
  await writeFile(file, JSON.stringify({ ...(JSON.parse(whole) as object), revision: 1_000_000 }));
  const status = await command(['status', 'older']);
  expect(status.code).toBe(0);
  expect(status.stdout).toMatch(/Store: StoreBehind: .*at revision 1000000 or later.*--adopt/);
  for (const args of [
    ['start', RECIPE, '--var', `data=${join(folder, 'micro')}`, '--set', 'name=newer', ...SHORT],
    ['decide', 'older', 'retry'],
    ['corpus', 'import', join(folder, 'micro', 'em.jsonl'), '--corpus', 'newer', '--split', 'em'],
  ]) {
    const refused = await command(args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/Expected database .* at revision 1000000 or later.*Restore a newer backup/s);
  }
  expect((await database.query(`select from corpora where name = 'newer'`)).rows).toEqual([]);
  expect((await command(['doctor'])).stdout).toMatch(/WRONG {2}store and files .*revision 1000000/);
  expect((await command(['doctor', '--adopt'])).stdout).toMatch(/ok {5}store and files +belong together/);
  expect((await start('newer', '--watch')).code).toBe(0);
});

test('a data folder that is another database’s is refused by what writes, and a folder of none only by what needs files', async () => {
  const other = await createTestDatabase();
  const args = ['corpus', 'import', join(folder, 'micro', 'em.jsonl'), '--corpus', 'elsewhere', '--split', 'em'];
  const refused = await command(args, { DATABASE_URL: other.url });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/Expected the database that data folder .* belongs to.*never used with it/);
  const without = { THOUGHTLOOP_DATA: join(folder, 'nowhere') };
  expect((await command(args, without)).code).toBe(0);
  const needing = ['start', RECIPE, '--var', `data=${join(folder, 'micro')}`, '--set', 'name=elsewhere'];
  const started = await command(needing, without);
  expect(started.stderr).toMatch(/Expected the data folder of database .* last seen at .*data on /);
  expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  await other.drop();
});

test('without a store the exit code says that the stack is not reachable', async () => {
  const nothing = await command(['list'], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' });
  expect(nothing.code).toBe(3);
});

test('a report can be made of every run', async () => {
  await start('told', '--watch');
  const file = join(folder, 'told.html');
  const told = await command(['report', 'told', '--out', file]);
  expect(told.code, told.stderr).toBe(0);
  expect(told.stdout.trim()).toBe(file);
  expect(existsSync(file)).toBe(true);
  const over = await command(['report', 'told', '--out', folder]);
  expect(over.code).toBe(1);
  expect(over.stderr).toMatch(/Expected a file or folder that can be used, found EISDIR/);
  expect((await readdir(dirname(folder))).filter((name) => name.startsWith(`${basename(folder)}.`))).toEqual([]);
});
