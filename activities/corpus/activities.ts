import { CancelledFailure, Context } from '@temporalio/activity';
import type { SamplingActivities } from '../../workflows/contract/activities.ts';
import type { Dependencies } from '../dependencies.ts';
import { findEStep, finishEStep } from '../e-step/finish-e-step.ts';
import { planEStep } from '../e-step/plan-e-step.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { buildTrainingSet } from '../m-step/training-set.ts';
import { verifyCheckpoint } from '../m-step/verify-checkpoint.ts';
import { milestone, requireStore } from '../store/data-folder.ts';

/** Planning and adding up of E-steps, and training sets. */
export function createCorpusActivities(
  dependencies: Dependencies,
): Pick<SamplingActivities, 'planEStep' | 'finishEStep' | 'findEStep' | 'buildTrainingSet'> {
  const { database } = dependencies;
  return {
    planEStep: (input) =>
      withProgress((tell) =>
        milestone(dependencies, () => planEStep(database, input, (done) => tell({ doing: 'cutting', done }))),
      ),
    finishEStep: (input) => withHeartbeat(() => milestone(dependencies, () => finishEStep(database, input))),
    async findEStep(input) {
      await requireStore(dependencies);
      return findEStep(database, input);
    },
    buildTrainingSet: (input) =>
      withProgress((tell) =>
        milestone(dependencies, async () => {
          // Its tokenizer decides what the set holds.
          await verifyCheckpoint(dependencies.dataFolder, input.checkpoint);
          return buildTrainingSet(dependencies, input, tell);
        }),
      ),
  };
}

/** Heartbeats with what `work` told last; a cancellation ends the work the next time it tells something. */
function withProgress<Result>(work: (tell: (progress: object) => void) => Promise<Result>): Promise<Result> {
  const { cancellationSignal } = Context.current();
  let progress: object = {};
  const tell = (now: object): void => {
    if (cancellationSignal.aborted) throw new CancelledFailure('Stopped');
    progress = now;
  };
  return withHeartbeat(
    (progressed) =>
      work((now) => {
        progressed();
        tell(now);
      }),
    { details: () => progress },
  );
}
