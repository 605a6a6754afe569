import type { Connection } from '@temporalio/client';
import { readFolderFile } from '../../activities/store/folder-file.ts';
import { isOfAnotherFolder } from '../../workers/worker-identity.ts';
import { OperatorError } from '../operator-error.ts';
import { poll } from './deadline.ts';
import { PATIENCE_MILLISECONDS, PollerWatch } from './poller-watch.ts';
import { pollersUnknown, taskQueuePollers, workersOf, type QueuePollers } from './task-queue-pollers.ts';

const LOOK_MILLISECONDS = 2_000;

/** Workers of other data folders among those who ask queues for work, by identity. */
export async function foreignWorkers(queues: readonly QueuePollers[], dataFolder: string): Promise<string[]> {
  const file = await readFolderFile(dataFolder);
  if (file === null || file === 'unreadable') return [];
  const { folder } = file;
  return workersOf(queues.flatMap(({ pollers }) => pollers))
    .filter((identity) => isOfAnotherFolder(identity, folder))
    .sort();
}

/**
 * Makes sure that no workers of another data folder ask the task queues for work: each would be given the other's. Those
 * that were stopped a moment ago are waited for.
 * @param patience how long those may still be seen, milliseconds
 * @throws OperatorError naming them, or when it could not be found out.
 */
export async function requireOwnQueues(
  connection: Connection,
  namespace: string,
  dataFolder: string,
  patience = PATIENCE_MILLISECONDS,
): Promise<void> {
  const watch = new PollerWatch();
  let found: string[] | undefined;
  const outcome = await poll(
    async () => {
      found = await foreignWorkers(watch.there(await taskQueuePollers(connection, namespace)), dataFolder);
      return found.length === 0 || undefined;
    },
    patience,
    LOOK_MILLISECONDS,
  );
  if ('answer' in outcome) return;
  if (found === undefined) throw pollersUnknown(namespace, outcome.gaveUp);
  throw new OperatorError({
    expected: `the task queues of namespace ${namespace} to have workers of this data folder alone`,
    found: `${found.join(', ')} of another one`,
    where: dataFolder,
    remedy:
      'Stop those workers, or set TEMPORAL_NAMESPACE to a namespace of its own: each would be given the work of both.',
  });
}
