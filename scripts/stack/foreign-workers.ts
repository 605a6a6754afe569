import type { Connection } from '@temporalio/client';
import { readFolderFile } from '../../activities/store/folder-file.ts';
import { isOfAnotherFolder } from '../../workers/worker-identity.ts';
import { OperatorError } from '../operator-error.ts';
import { poll } from './deadline.ts';
import { taskQueuePollers, type QueuePollers } from './task-queue-pollers.ts';

/** A worker asks for work at least once in this time; one that has not is gone. */
const LONGEST_SILENCE_MILLISECONDS = 70_000;
const LOOK_MILLISECONDS = 2_000;

/** Workers of other data folders among those who ask queues for work, by identity. */
export async function foreignWorkers(queues: readonly QueuePollers[], dataFolder: string): Promise<string[]> {
  const file = await readFolderFile(dataFolder);
  if (file === null || file === 'unreadable') return [];
  const { folder } = file;
  const asking = queues
    .flatMap(({ pollers }) => pollers)
    .filter(({ lastAsked }) => Date.now() - lastAsked < LONGEST_SILENCE_MILLISECONDS)
    .map(({ identity }) => identity);
  return [...new Set(asking)].filter((identity) => isOfAnotherFolder(identity, folder)).sort();
}

/**
 * Makes sure that no workers of another data folder ask the task queues for work: each would be given the other's. Those
 * that were stopped a moment ago are waited for.
 * @param patience how long those may still be seen, milliseconds
 * @throws OperatorError naming them
 */
export async function requireOwnQueues(
  connection: Connection,
  namespace: string,
  dataFolder: string,
  patience = LONGEST_SILENCE_MILLISECONDS + LOOK_MILLISECONDS,
): Promise<void> {
  let found: string[] = [];
  await poll(
    async () => {
      found = await foreignWorkers(await taskQueuePollers(connection, namespace), dataFolder);
      return found.length === 0 ? true : undefined;
    },
    patience,
    LOOK_MILLISECONDS,
  );
  if (found.length === 0) return;
  throw new OperatorError({
    expected: `the task queues of namespace ${namespace} to have workers of this data folder alone`,
    found: `${found.join(', ')} of another one`,
    where: dataFolder,
    remedy:
      'Stop those workers, or set TEMPORAL_NAMESPACE to a namespace of its own: each would be given the work of both.',
  });
}
