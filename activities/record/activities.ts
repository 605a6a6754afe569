import type { ControlActivities, RunProgress } from '../../workflows/contract/activities.ts';
import { evaluationWorkflowId } from '../../workflows/contract/ids.ts';
import type { Dependencies } from '../dependencies.ts';
import { keepRevision, milestone, requireStore } from '../store/data-folder.ts';
import { finishedEvaluations } from '../store/finished-evaluations.ts';
import { writeEvent, writeIteration, writePause, writeProgress } from '../store/progress.ts';
import { trainedTokens } from '../store/trained-tokens.ts';
import { rawBudget } from './raw-budget.ts';

/**
 * Bookkeeping and questions to the store, for workflows. A store that must not be written to parks what begins or ends a
 * step; what says that a run stopped, or notes an event, waits until it may be written.
 */
export function createRecordActivities({ database, dataFolder }: Dependencies): ControlActivities {
  const store = { database, dataFolder };
  return {
    async recordProgress(progress: RunProgress) {
      await requireStore(store, progress.status !== 'Running');
      await writeProgress(database, progress);
      await keepRevision(store);
    },
    async recordPause({ run, paused }) {
      await requireStore(store, true);
      await writePause(database, run, paused);
    },
    async recordEvent({ run, kind, message }) {
      await requireStore(store, true);
      await writeEvent(database, run, kind, message);
    },
    recordIteration: (record) => milestone(store, () => writeIteration(database, record)),
    async planRawBudget({ match, against, rawSet }) {
      await requireStore(store);
      return rawBudget(match, against.iteration, await trainedTokens(database, against), rawSet);
    },
    async pendingEvaluations({ place, trial, checkpoint, benchmarks }) {
      await requireStore(store);
      const ids = benchmarks.map((benchmark) => evaluationWorkflowId(place, trial, benchmark));
      const finished = await finishedEvaluations(database, ids, checkpoint.digest);
      return benchmarks.filter((_, index) => !finished.has(ids[index] as string));
    },
  };
}
