import type { ControlActivities } from '../../workflows/contract/activities.ts';
import { evaluationWorkflowId } from '../../workflows/contract/ids.ts';
import type { Dependencies } from '../dependencies.ts';
import { finishedEvaluations } from '../store/finished-evaluations.ts';
import { writeEvent, writeIteration, writePause, writeProgress } from '../store/progress.ts';
import { trainedTokens } from '../store/trained-tokens.ts';
import { rawBudget } from './raw-budget.ts';

/** Bookkeeping and questions to the store, for workflows. */
export function createRecordActivities({ database }: Dependencies): ControlActivities {
  return {
    recordProgress: (progress) => writeProgress(database, progress),
    recordPause: ({ run, paused }) => writePause(database, run, paused),
    recordEvent: ({ run, kind, message }) => writeEvent(database, run, kind, message),
    recordIteration: (record) => writeIteration(database, record),
    async planRawBudget({ match, against, init, rawSet }) {
      return rawBudget(match, init, against.iteration, await trainedTokens(database, against), rawSet);
    },
    async pendingEvaluations({ place, trial, checkpoint, benchmarks }) {
      const ids = benchmarks.map((benchmark) => evaluationWorkflowId(place, trial, benchmark));
      const finished = await finishedEvaluations(database, ids, checkpoint.digest);
      return benchmarks.filter((_, index) => !finished.has(ids[index] as string));
    },
  };
}
