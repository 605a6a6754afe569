import { CancelledFailure, Context } from '@temporalio/activity';
import type { SamplingActivities } from '../../workflows/contract/activities.ts';
import type { Dependencies } from '../dependencies.ts';
import { findEStep, finishEStep } from '../e-step/finish-e-step.ts';
import { planEStep } from '../e-step/plan-e-step.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { buildTrainingSet } from '../m-step/training-set.ts';

/** Planning and adding up of E-steps, and training sets. */
export function createCorpusActivities(
  dependencies: Dependencies,
): Pick<SamplingActivities, 'planEStep' | 'finishEStep' | 'findEStep' | 'buildTrainingSet'> {
  const { database } = dependencies;
  return {
    planEStep: (input) =>
      withProgress((tell) => planEStep(database, input, (done) => tell({ doing: 'cutting', done }))),
    finishEStep: (input) => withHeartbeat(() => finishEStep(database, input)),
    findEStep: (input) => findEStep(database, input),
    buildTrainingSet: (input) => withProgress((tell) => buildTrainingSet(dependencies, input, tell)),
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
    () => work(tell),
    () => progress,
  );
}
