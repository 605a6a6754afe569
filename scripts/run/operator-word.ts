import { WorkflowNotFoundError } from '@temporalio/client';
import type { RunRow } from '../../activities/store/runs.ts';
import { runWorkflowId } from '../../workflows/contract/ids.ts';
import { MESSAGES } from '../../workflows/contract/messages.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { withTemporal } from './temporal-client.ts';

/** What an operator can tell a run that is not parked. */
export type Word = 'pause' | 'resume' | 'cancel';

/**
 * Tells a run to pause, to go on, or to stop.
 * @throws OperatorError when the run is over
 */
export async function tellRun(dataFolder: string | undefined, row: RunRow, word: Word): Promise<void> {
  if (row.endedAt !== null) throw over(row, row.status);
  await withTemporal(dataFolder, async (client) => {
    const handle = client.workflow.getHandle(runWorkflowId(row.run));
    try {
      if (word === 'cancel') await handle.cancel();
      else await handle.signal(MESSAGES[word]);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw over(row, 'without an open workflow');
      throw error;
    }
  });
}

function over({ run }: RunRow, found: string): OperatorError {
  return new OperatorError({
    expected: `run ${run} under way`,
    found: found.toLowerCase(),
    remedy: `\`thoughtloop status ${run}\` says more; \`thoughtloop start\` with its recipe takes a cancelled run up again.`,
    exitCode: EXIT_CODES.badInput,
  });
}
