import { WorkflowNotFoundError } from '@temporalio/client';
import { runWorkflowId } from '../../workflows/contract/ids.ts';
import { OperatorError } from '../operator-error.ts';
import type { TemporalConnection } from '../connection.ts';
import { withTemporal } from './temporal-client.ts';

/** What Temporal says about a run's workflow. */
export type TemporalWord =
  | { readonly kind: 'open' | 'closed'; readonly status: string; readonly link: string | undefined }
  | { readonly kind: 'unknown-run' }
  | { readonly kind: 'away'; readonly reason: string };

/** Asks Temporal for the run's workflow; that it does not answer is an answer too. */
export async function askTemporal(dataFolder: string | undefined, run: string): Promise<TemporalWord> {
  try {
    return await withTemporal(dataFolder, async (client, where) => {
      const description = await client.workflow.getHandle(runWorkflowId(run)).describe();
      const status = description.status.name;
      return { kind: status === 'RUNNING' ? 'open' : 'closed', status, link: webLink(where, run) };
    });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { kind: 'unknown-run' };
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { kind: 'away', reason: error instanceof OperatorError ? (error.complaint?.found ?? reason) : reason };
  }
}

/** Page of the run's workflow in our Web UI; undefined where the UI is another's. */
export function webLink({ uiUrl, namespace }: TemporalConnection, run: string): string | undefined {
  return uiUrl === undefined
    ? undefined
    : `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(runWorkflowId(run))}`;
}

/** One line for people. `running`: whether the store holds the run for unfinished. */
export function temporalLine(word: TemporalWord, run: string, running: boolean): string {
  switch (word.kind) {
    case 'open':
      return word.link ?? 'workflow open';
    case 'closed':
      return running
        ? `workflow ${word.status.toLowerCase()}: \`thoughtloop start\` with the same recipe takes it up again`
        : (word.link ?? `workflow ${word.status.toLowerCase()}`);
    case 'unknown-run':
      return running
        ? `knows no workflow ${run}: \`thoughtloop start\` with the same recipe takes it up again`
        : 'history no longer kept';
    case 'away':
      return `not reachable (${word.reason})${running ? ': nothing goes on until `thoughtloop up`' : ''}`;
  }
}
