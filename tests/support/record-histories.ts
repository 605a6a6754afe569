/**
 * Records the histories that tests/replay replays: plays every path of recorded-paths.ts on a real Temporal server, with
 * the real workflows over activities in memory, and writes `tests/replay/histories/<path>/<workflow>.json`.
 *
 *     npm run record-histories [-- PATH …]
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection, WorkflowClient } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { makeCurrent } from '../../scripts/versions/current-version.ts';
import { TASK_QUEUES } from '../../workflows/contract/task-queues.ts';
import { run } from '../../workflows/index.ts';
import { eventually } from './eventually.ts';
import { FakeActivities } from './fake-activities.ts';
import { startFakeWorkers } from './fake-workers.ts';
import { fileOf, RECORDED_PATHS, type RecordedPath, type Stage } from './recorded-paths.ts';
import { startTestTemporal } from './temporal.ts';
import { tinyRecipe } from './tiny-recipe.ts';

const FOLDER = fileURLToPath(new URL('../replay/histories', import.meta.url));
const NAMESPACE = 'default';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !RECORDED_PATHS.some((path) => path.name === name));
if (unknown.length > 0) throw new Error(`Expected names of recorded-paths.ts, found ${unknown.join(', ')}`);

const temporal = await startTestTemporal();
const connection = await Connection.connect({ address: temporal.address });
const client = new WorkflowClient({ connection });
const stops: (() => Promise<void>)[] = [];
let fake = new FakeActivities();
try {
  await deploy();
  for (const path of RECORDED_PATHS) {
    if (wanted.length > 0 && !wanted.includes(path.name)) continue;
    fake = smallFake();
    await path.play(stageOf(path));
    await write(path);
    console.log(path.name);
  }
} finally {
  for (const stop of stops) await stop();
  await connection.close();
  await temporal.stop();
}

/** Starts workers of one more version and makes it the current one. */
async function deploy(): Promise<void> {
  const version = `recorded-${stops.length}`;
  stops.push(await startFakeWorkers({ address: temporal.address, fake: () => fake, version }));
  await eventually('the version to be current', () =>
    makeCurrent(connection, NAMESPACE, version).then(
      () => true,
      () => false,
    ),
  );
}

/** Two batches, one of two shards: enough for every event that there is. */
function smallFake(): FakeActivities {
  const made = new FakeActivities();
  made.shards = 3;
  return made;
}

function stageOf({ name }: RecordedPath): Stage {
  return {
    get fake() {
      return fake;
    },
    renewFake: () => void (fake = smallFake()),
    start: (changes, state) => {
      const recipe = tinyRecipe({ name, iterations: 1, ...changes });
      const input = { run: name, recipe, ...(state === undefined ? {} : { state }) };
      return client.start(run, { workflowId: name, taskQueue: TASK_QUEUES.control, args: [input] });
    },
    decide: async (workflow, decision) => {
      await client.getHandle(workflow).executeUpdate('decide', { args: [decision] });
    },
    signal: (message) => client.getHandle(name).signal(message),
    deployNextVersion: deploy,
  };
}

/** Writes what the path keeps in place of what was there, a line an event. */
async function write({ name, keep }: RecordedPath): Promise<void> {
  const folder = join(FOLDER, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [workflow, executions] of Object.entries(keep)) {
    const workflowId = workflow === '' ? name : `${name}/${workflow}`;
    const runIds = await executionsOf(workflowId, executions);
    for (const [index, runId] of runIds.entries()) {
      const history = await client.getHandle(workflowId, runId).fetchHistory();
      const { events } = JSON.parse(historyToJSON(history)) as { events: unknown[] };
      const lines = events.map((event) => JSON.stringify(event)).join(',\n');
      await writeFile(join(folder, fileOf(workflow, index, executions)), `{"events":[\n${lines}\n]}\n`);
    }
  }
}

/** Run ids of a workflow's executions, oldest first, once all have ended. */
async function executionsOf(workflowId: string, count: number): Promise<string[]> {
  let seen = '';
  const found = await eventually(`${count} executions of ${workflowId} to have ended`, async () => {
    const executions = [];
    for await (const execution of client.list({ query: `WorkflowId = '${workflowId}'` })) executions.push(execution);
    seen = executions.map(({ status }) => status.name).join(', ');
    return executions.length === count && executions.every(({ status }) => status.name !== 'RUNNING') && executions;
  }).catch((error: Error) => Promise.reject(new Error(`${error.message}, found ${seen || 'none'}`)));
  return found.sort((one, other) => Number(one.startTime) - Number(other.startTime)).map(({ runId }) => runId);
}
