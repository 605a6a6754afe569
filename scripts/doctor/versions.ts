import { WorkflowClient, type Connection } from '@temporalio/client';
import { codeVersion } from '../../workers/code-version.ts';
import { PollerWatch } from '../stack/poller-watch.ts';
import { taskQueuePollers, workersOf } from '../stack/task-queue-pollers.ts';
import { currentVersion, makeCurrent } from '../versions/current-version.ts';
import { openWorkflows, type OpenWorkflow } from '../versions/open-workflows.ts';
import { strandedText, versionName } from '../versions/stranded-text.ts';
import { strandedRuns, type StrandedRun } from '../versions/stranded.ts';
import { takeOverRun } from '../versions/take-over-run.ts';
import { attempt, right, wrong, type Check } from './check.ts';
import { queueWorkers, type QueueWorker, type QueueWorkers } from './queue-workers.ts';

/**
 * The versions of the workers that are there, of this code, and of open runs.
 * @param fix makes this code's version current once its workers poll, and moves open runs to it that wait for workers of
 *   another version and replay.
 * @throws the error of what could not be looked at.
 */
export async function versionChecks(
  connection: Connection,
  namespace: string,
  dataFolder: string,
  fix: boolean,
): Promise<Check[]> {
  const present = codeVersion();
  const open = await openWorkflows(new WorkflowClient({ connection, namespace }));
  const asking = new PollerWatch().there(await taskQueuePollers(connection, namespace));
  const queues = queueWorkers(asking, open);
  const own = await attempt('code version', 'Use Temporal 1.29.1 or newer.', () =>
    codeCheck(connection, namespace, present, queues, fix),
  );
  // Whether the server knows of versions is what that line says.
  const current = await currentVersion(connection, namespace).catch(() => undefined);
  const stranded = await strandedRuns(connection, namespace, open, { present, dataFolder, patient: false });
  return [
    own,
    ...queues.map((queue) => queueCheck(queue, current)),
    ...otherVersionChecks(queues, current, open),
    ...(await Promise.all(
      stranded.map((run) =>
        attempt(`run ${run.run}`, 'Run `thoughtloop doctor --fix` again.', () =>
          strandedCheck(connection, namespace, run, present, fix && current === present),
        ),
      ),
    )),
  ];
}

async function codeCheck(
  connection: Connection,
  namespace: string,
  present: string,
  queues: readonly QueueWorkers[],
  fix: boolean,
): Promise<Check> {
  const name = 'code version';
  const current = await currentVersion(connection, namespace);
  if (current === present) return right(name, `${present}, which new runs go to`);
  const complete = queues.every((queue) => has(queue, present));
  if (fix && complete) {
    await makeCurrent(connection, namespace, present);
    return right(name, `${present}, which new runs go to from now on`);
  }
  return wrong(
    name,
    `${present} here, but new runs go to workers of ${versionName(current)}`,
    complete
      ? 'Run `thoughtloop doctor --fix`, which sends them to this version.'
      : 'Run `thoughtloop up`, or start all workers from this code, then `thoughtloop doctor --fix`.',
  );
}

/** Whether what is new finds a worker on the queue. */
function queueCheck({ queue, workers }: QueueWorkers, current: string | undefined): Check {
  const fit = workersOf(workers.filter(({ version }) => version === current));
  if (fit.length > 0) return right(queue, `${fit.length} worker${fit.length === 1 ? '' : 's'}`);
  return workers.length === 0
    ? wrong(queue, 'no worker asks for work or has any', 'Run `thoughtloop up`, or start that worker (README.md).')
    : wrong(
        queue,
        `no worker of ${versionName(current)}, which new runs go to`,
        'Start that worker from the code of that version, or `thoughtloop up` from the code that all shall run.',
      );
}

/** Workers of versions that nothing new goes to: right where they finish what they began. */
function otherVersionChecks(
  queues: readonly QueueWorkers[],
  current: string | undefined,
  open: readonly OpenWorkflow[],
): Check[] {
  const others = queues
    .flatMap(({ workers }) => workers)
    .filter(({ version }) => version !== undefined && version !== current);
  return [...Map.groupBy(others, ({ version }) => version)].map(([version, of]) => {
    const name = `workers of ${versionName(version)}`;
    const runs = [...new Set(open.filter((workflow) => workflow.version === version).map(({ run }) => run))];
    const workers = workersOf(of).join(', ');
    if (runs.length === 0) {
      return wrong(name, `${workers}: no run needs them`, 'Stop them, or start them again from the present code.');
    }
    const silent = queues.filter((queue) => !has(queue, version)).map(({ queue }) => queue);
    return silent.length === 0
      ? right(name, `${workers}: needed by ${runs.join(', ')} until the next iteration`)
      : wrong(
          name,
          `${runs.join(', ')} finds none on ${silent.join(', ')}`,
          'Start those from the code of that version.',
        );
  });
}

const has = ({ workers }: QueueWorkers, version: QueueWorker['version']): boolean =>
  workers.some((worker) => worker.version === version);

async function strandedCheck(
  connection: Connection,
  namespace: string,
  run: StrandedRun,
  present: string,
  move: boolean,
): Promise<Check> {
  const name = `run ${run.run}`;
  const cure =
    run.misfit === null && !move
      ? 'Run `thoughtloop up`, or `thoughtloop doctor --fix` where workers run.'
      : await takeOverRun(connection, namespace, run, present);
  return cure === undefined
    ? right(name, `moved to version ${present} just now`)
    : wrong(name, strandedText(run), cure);
}
