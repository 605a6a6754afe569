import { CancelledFailure, Context, log } from '@temporalio/activity';
import type { SamplingActivities } from '../../workflows/contract/activities.ts';
import type { Place } from '../../workflows/contract/ids.ts';
import type { Dependencies } from '../dependencies.ts';
import { findEStep, finishEStep } from '../e-step/finish-e-step.ts';
import { planEStep, uncutRangesOfPlan } from '../e-step/plan-e-step.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { buildTrainingSet, buildTrainingSetInRanges, writeTrainingRange } from '../m-step/training-set.ts';
import { TokenizerCache } from '../m-step/training-set-work.ts';
import { verifyCheckpoint } from '../m-step/verify-checkpoint.ts';
import { milestone, requireStore } from '../store/data-folder.ts';
import { stepProgress } from '../store/step-progress.ts';
import { cutRange, resolveSplit } from './cut-split.ts';

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

type CorpusActivities = Pick<
  SamplingActivities,
  'planEStep' | 'cutDocuments' | 'finishEStep' | 'findEStep' | 'buildTrainingSet' | 'writeTrainingRange'
>;

/** Planning and adding up of E-steps, and training sets. */
export function createCorpusActivities(
  dependencies: Dependencies,
  changes: CorpusActivityChanges = {},
): CorpusActivities {
  const { database } = dependencies;
  const events = ({ run }: Place): ((doing: string, done: number) => void) =>
    stepProgress(
      database,
      run,
      (error) => void log.warn('could not write how far a step is', { error }),
      changes.progressMs,
    );
  const ofRanges = new Map<string, ReturnType<typeof events>>();
  /** Shared by the ranges of a run, each of which is short: together they take long. */
  const rangeEvents = (place: Place): ReturnType<typeof events> => {
    const tell = ofRanges.get(place.run) ?? events(place);
    ofRanges.set(place.run, tell);
    return tell;
  };
  const sets = { ...dependencies, tokenizers: new TokenizerCache() };
  return {
    planEStep: (input) =>
      withProgress(events(input.place), (tell) =>
        milestone(dependencies, async () => {
          const open = input.inRanges === true ? await uncutRangesOfPlan(database, input) : null;
          return open ?? planEStep(database, input, (done) => tell({ doing: 'cutting', done }));
        }),
      ),
    cutDocuments: ({ place, corpus, segmentation, range }) =>
      withProgress(rangeEvents(place), async (tell) => {
        await requireStore(dependencies);
        const split = await resolveSplit(database, corpus, place.run);
        const told = (end: number): void => tell({ doing: `cutting from ${range.from}`, done: end - range.from });
        await cutRange(database, split, segmentation, range, told);
      }),
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
          const build = input.inRanges === true ? buildTrainingSetInRanges : buildTrainingSet;
          return build(sets, input, tell);
        }),
      ),
    writeTrainingRange: (input) =>
      withProgress(rangeEvents(input.place), async (tell) => {
        await requireStore(dependencies);
        await writeTrainingRange(sets, input, ({ doing, done }) =>
          tell({ doing: `${doing} from ${input.range.from}`, done }),
        );
      }),
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
