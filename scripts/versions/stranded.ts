import type { Connection } from '@temporalio/client';
import { poll } from '../stack/deadline.ts';
import { PATIENCE_MILLISECONDS, PollerWatch } from '../stack/poller-watch.ts';
import { pollersUnknown, taskQueuePollers, type Poller } from '../stack/task-queue-pollers.ts';
import type { OpenWorkflow } from './open-workflows.ts';
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

/** How to look for stranded runs. */
export interface StrandedLook {
  /** The version of this code. */
  readonly present: string;
  readonly dataFolder: string;
  /**
   * Whether to wait, a minute and a half at most, until it is certain whether workers that were just seen are gone; else they
   * count as being there.
   */
  readonly patient: boolean;
}

/**
 * Finds the runs that wait for a version without workers, and replays their histories with the code of this checkout.
 * @param open see `openWorkflows`.
 * @throws OperatorError when it could not be found out which versions have workers; what the replay throws.
 */
export async function strandedRuns(
  connection: Connection,
  namespace: string,
  open: readonly OpenWorkflow[],
  { present, dataFolder, patient }: StrandedLook,
): Promise<StrandedRun[]> {
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
  const watch = new PollerWatch();
  const gone = new Set<string | undefined>();
  const undecided = new Set(versions);
  let first: readonly Poller[] | undefined;
  const outcome = await poll(
    async () => {
      const [control] = watch.there(await taskQueuePollers(connection, namespace));
      const pollers = control?.pollers ?? [];
      first ??= pollers;
      for (const version of undecided) {
        const last = lastAsked(pollers, version);
        if (last === undefined) gone.add(version);
        // Who asked since the first look is there.
        if (last === undefined || last > (lastAsked(first, version) ?? -Infinity)) undecided.delete(version);
      }
      return undecided.size === 0 || undefined;
    },
    patient ? PATIENCE_MILLISECONDS : 0,
    POLL_MILLISECONDS,
  );
  // Looks that succeed over that time decide about every version.
  if ('gaveUp' in outcome && (patient || first === undefined)) throw pollersUnknown(namespace, outcome.gaveUp);
  return gone;
}

/** When a worker of the version last asked; undefined when none is there. */
function lastAsked(pollers: readonly Poller[], of: string | undefined): number | undefined {
  const asked = pollers.filter(({ version }) => version === of).map((poller) => poller.lastAsked);
  return asked.length === 0 ? undefined : Math.max(...asked);
}
