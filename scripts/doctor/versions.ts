import { WorkflowClient, type Connection } from '@temporalio/client';
import { codeVersion } from '../../workers/code-version.ts';
import { PollerWatch } from '../stack/poller-watch.ts';
import { taskQueuePollers, workersOf, type Poller, type QueuePollers } from '../stack/task-queue-pollers.ts';
import { currentVersion, makeCurrent } from '../versions/current-version.ts';
import { moveRun } from '../versions/move.ts';
import { openWorkflows, type OpenWorkflow } from '../versions/open-workflows.ts';
import { misfitCure, strandedText, versionName } from '../versions/stranded-text.ts';
import { strandedRuns, type StrandedRun } from '../versions/stranded.ts';
import { attempt, right, wrong, type Check } from './check.ts';

/**
 * The versions of the workers that poll, of this code, and of open runs.
 * @param fix makes this code's version current once its workers poll, and moves open runs to it that wait for workers of
 *   another version and replay.
 */
export async function versionChecks(
  connection: Connection,
  namespace: string,
  dataFolder: string,
  fix: boolean,
): Promise<Check[]> {
  const present = codeVersion();
  const open = await openWorkflows(new WorkflowClient({ connection, namespace }));
  const queues = new PollerWatch().there(await taskQueuePollers(connection, namespace));
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
  queues: readonly QueuePollers[],
  fix: boolean,
): Promise<Check> {
  const name = 'code version';
  const current = await currentVersion(connection, namespace);
  if (current === present) return right(name, `${present}, which new runs go to`);
  const complete = queues.every(({ pollers }) => pollers.some(({ version }) => version === present));
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
function queueCheck({ queue, pollers }: QueuePollers, current: string | undefined): Check {
  const workers = workersOf(pollers.filter(({ version }) => version === current));
  if (workers.length > 0) return right(queue, `${workers.length} worker${workers.length === 1 ? '' : 's'}`);
  return pollers.length === 0
    ? wrong(queue, 'no worker asks for work', 'Run `thoughtloop up`, or start that worker (README.md).')
    : wrong(
        queue,
        `no worker of ${versionName(current)}, which new runs go to`,
        'Start that worker from the code of that version, or `thoughtloop up` from the code that all shall run.',
      );
}

/** Workers of versions that nothing new goes to: right where they finish what they began. */
function otherVersionChecks(
  queues: readonly QueuePollers[],
  current: string | undefined,
  open: readonly OpenWorkflow[],
): Check[] {
  const others = queues
    .flatMap(({ pollers }) => pollers)
    .filter(({ version }) => version !== undefined && version !== current);
  return [...Map.groupBy(others, ({ version }) => version)].map(([version, pollers]) => {
    const name = `workers of ${versionName(version)}`;
    const runs = [...new Set(open.filter((workflow) => workflow.version === version).map(({ run }) => run))];
    const workers = workersOf(pollers).join(', ');
    if (runs.length === 0) {
      return wrong(name, `${workers}: no run needs them`, 'Stop them, or start them again from the present code.');
    }
    const silent = queues.filter((queue) => !asks(queue, version)).map(({ queue }) => queue);
    return silent.length === 0
      ? right(name, `${workers}: needed by ${runs.join(', ')} until the next iteration`)
      : wrong(
          name,
          `${runs.join(', ')} finds none on ${silent.join(', ')}`,
          'Start those from the code of that version.',
        );
  });
}

const asks = ({ pollers }: QueuePollers, version: Poller['version']): boolean =>
  pollers.some((poller) => poller.version === version);

async function strandedCheck(
  connection: Connection,
  namespace: string,
  run: StrandedRun,
  present: string,
  move: boolean,
): Promise<Check> {
  const name = `run ${run.run}`;
  if (run.misfit !== null) return wrong(name, strandedText(run), misfitCure(run));
  if (!move) {
    return wrong(name, strandedText(run), 'Run `thoughtloop up`, or `thoughtloop doctor --fix` where workers run.');
  }
  await moveRun(connection, namespace, run, present);
  return right(name, `moved to version ${present} just now`);
}
