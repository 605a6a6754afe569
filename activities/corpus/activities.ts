import { CancelledFailure, Context, log } from '@temporalio/activity';
import type { SamplingActivities } from '../../workflows/contract/activities.ts';
import type { Place } from '../../workflows/contract/ids.ts';
import type { Dependencies } from '../dependencies.ts';
import { findEStep, finishEStep } from '../e-step/finish-e-step.ts';
import { planEStep } from '../e-step/plan-e-step.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { buildTrainingSet } from '../m-step/training-set.ts';
import { verifyCheckpoint } from '../m-step/verify-checkpoint.ts';
import { milestone, requireStore } from '../store/data-folder.ts';
import { stepProgress } from '../store/step-progress.ts';

/** What tests may change. */
export interface CorpusActivityChanges {
  /** Time between two events that say how far a step is, milliseconds. */
  readonly progressMs?: number;
}

/** What a step says of itself. */
interface Told {
  readonly doing: string;
  readonly done: number;
}

/** Planning and adding up of E-steps, and training sets. */
export function createCorpusActivities(
  dependencies: Dependencies,
  changes: CorpusActivityChanges = {},
): Pick<SamplingActivities, 'planEStep' | 'finishEStep' | 'findEStep' | 'buildTrainingSet'> {
  const { database } = dependencies;
  const events = ({ run }: Place): ((doing: string, done: number) => void) =>
    stepProgress(
      database,
      run,
      (error) => void log.warn('could not write how far a step is', { error }),
      changes.progressMs,
    );
  return {
    planEStep: (input) =>
      withProgress(events(input.place), (tell) =>
        milestone(dependencies, () => planEStep(database, input, (done) => tell({ doing: 'cutting', done }))),
      ),
    finishEStep: (input) => withHeartbeat(() => milestone(dependencies, () => finishEStep(database, input))),
    async findEStep(input) {
      await requireStore(dependencies);
      return findEStep(database, input);
    },
    buildTrainingSet: (input) =>
      withProgress(events(input.place), (tell) =>
        milestone(dependencies, async () => {
          // Its tokenizer decides what the set holds.
          await verifyCheckpoint(dependencies.dataFolder, input.checkpoint);
          return buildTrainingSet(dependencies, input, tell);
        }),
      ),
  };
}

/** Heartbeats and events with what `work` told last; a cancellation ends the work the next time it tells something. */
function withProgress<Result>(
  event: (doing: string, done: number) => void,
  work: (tell: (progress: Told) => void) => Promise<Result>,
): Promise<Result> {
  const { cancellationSignal } = Context.current();
  let progress: object = {};
  return withHeartbeat(
    (progressed) =>
      work((now) => {
        progressed();
        if (cancellationSignal.aborted) throw new CancelledFailure('Stopped');
        progress = now;
        event(now.doing, now.done);
      }),
    { details: () => progress },
  );
}
