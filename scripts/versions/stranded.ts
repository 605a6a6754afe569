import { WorkflowClient, type Connection } from '@temporalio/client';
import { poll } from '../stack/deadline.ts';
import { GONE_MILLISECONDS, isGone, taskQueuePollers } from '../stack/task-queue-pollers.ts';
import { openWorkflows, type OpenWorkflow } from './open-workflows.ts';
import { replayMisfits } from './replay.ts';

/**
 * A run with open workflows of a version that has no workers: nothing of it goes on, and no cancellation reaches it.
 */
export interface StrandedRun {
  readonly run: string;
  /** What it waits for; undefined for workers without a version. */
  readonly version: string | undefined;
  readonly workflows: readonly OpenWorkflow[];
  /** The first of them that this code would not have made, and what differs; null when this code can take the run over. */
  readonly misfit: { readonly workflowId: string; readonly reason: string } | null;
}

const POLL_MILLISECONDS = 1_000;

/**
 * Finds the runs that wait for a version without workers, and replays their histories with the code of this checkout.
 * @param present the version of this code.
 * @param patient whether to wait, a good minute at most, until it is certain whether workers that were just seen are gone;
 *   else they count as being there.
 */
export async function strandedRuns(
  connection: Connection,
  namespace: string,
  present: string,
  { dataFolder, patient }: { readonly dataFolder: string; readonly patient: boolean },
): Promise<StrandedRun[]> {
  const open = await openWorkflows(new WorkflowClient({ connection, namespace }));
  const others = open.filter(({ version }) => version !== present);
  if (others.length === 0) return [];
  const gone = await versionsGone(connection, namespace, new Set(others.map(({ version }) => version)), patient);
  const stranded = others.filter(({ version }) => gone.has(version));
  if (stranded.length === 0) return [];
  const misfits = await replayMisfits(stranded, dataFolder);
  return [...Map.groupBy(stranded, ({ run }) => run)].map(([run, workflows]) => {
    const misfit = workflows.find(({ workflowId }) => misfits.has(workflowId));
    const reason = misfit === undefined ? undefined : misfits.get(misfit.workflowId);
    return {
      run,
      version: (misfit ?? workflows[0])?.version,
      workflows,
      misfit: misfit === undefined ? null : { workflowId: misfit.workflowId, reason: reason ?? '' },
    };
  });
}

/** Those of the versions that no worker asks for workflow tasks of any more. */
async function versionsGone(
  connection: Connection,
  namespace: string,
  versions: ReadonlySet<string | undefined>,
  patient: boolean,
): Promise<Set<string | undefined>> {
  const began = Date.now();
  const gone = new Set<string | undefined>();
  const undecided = new Set(versions);
  await poll(
    async () => {
      const [control] = await taskQueuePollers(connection, namespace);
      for (const version of undecided) {
        const asked = control?.pollers.filter((poller) => poller.version === version).map(({ lastAsked }) => lastAsked);
        const last = Math.max(0, ...(asked ?? []));
        if (isGone(last)) gone.add(version);
        if (gone.has(version) || last > began) undecided.delete(version);
      }
      return undecided.size === 0 || undefined;
    },
    patient ? GONE_MILLISECONDS : 0,
    POLL_MILLISECONDS,
  );
  return gone;
}
