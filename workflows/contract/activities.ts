import type { Place } from './ids.ts';
import type {
  CheckpointRef,
  DocumentRange,
  EStepRef,
  EStepSummary,
  Metric,
  OpenRanges,
  SamplingCounts,
  TrainingResult,
  TrainingSetRef,
} from './references.ts';
import type {
  BaseModel,
  BenchmarkSettings,
  EStepSettings,
  EvaluationSettings,
  Fidelity,
  FleetSettings,
  SegmentationSettings,
  TrainingSettings,
} from './recipe.ts';
import type { Phase, RunStatus } from './search-attributes.ts';

/** Why a step stopped, as shown to the operator. */
export interface Cause {
  /** Failure type of `failures.ts`, or the error's own name. */
  readonly type: string;
  readonly message: string;
  readonly remedy: string;
  /** Id of the workflow that waits for the decision. */
  readonly workflow: string;
  /** Name of the question, used once: which parked step of the run a decision is for. */
  readonly question?: string;
}

export interface RunProgress {
  readonly run: string;
  readonly status: RunStatus;
  readonly phase: Phase;
  readonly arm: string;
  readonly iteration: number;
  /** Set while parked or failed. */
  readonly cause: Cause | null;
}

export interface IterationRecord {
  readonly place: Place;
  readonly checkpoints: readonly TrainingResult[];
  readonly trainingSet: TrainingSetRef | null;
  readonly eStep: EStepSummary | null;
}

/** Bookkeeping in the store. Queue: control. */
export interface RecordActivities {
  /** Writes the run's place and status, and an event when they changed. */
  recordProgress(input: RunProgress): Promise<void>;
  /** Notes that a run is paused or goes on; one that is parked or has ended stays so, and keeps its cause. */
  recordPause(input: { readonly run: string; readonly paused: boolean }): Promise<void>;
  /** Writes one line of the run's log of events (decisions, failures, lost servers). */
  recordEvent(input: { readonly run: string; readonly kind: string; readonly message: string }): Promise<void>;
  /** Closes an iteration: its checkpoints, training set and E-step summary. */
  recordIteration(input: IterationRecord): Promise<void>;
}

/** Of work on a split that may be answered by {@link OpenRanges}. */
export interface InRanges {
  /** Whether the caller has open ranges done and asks again; else all of the work is done at once, by one worker. */
  readonly inRanges?: boolean;
}

export interface PlanEStepInput extends InRanges {
  readonly place: Place;
  readonly seed: number;
  readonly fidelity: Fidelity;
  readonly corpus: { readonly name: string; readonly split: string };
  readonly segmentation: SegmentationSettings;
  readonly settings: EStepSettings;
  readonly checkpoint: CheckpointRef;
}

export interface SampleShardInput {
  readonly place: Place;
  readonly eStep: number;
  readonly shard: number;
  readonly fleet: string;
  readonly seed: number;
  readonly fidelity: Fidelity;
  readonly settings: EStepSettings;
  readonly checkpoint: CheckpointRef;
  /** Tokens that the fleet's servers hold, where that is set below what the model has. */
  readonly maxModelLen: number | null;
  /** Chunks of the whole E-step, for the limit on rejections; the shard is sampled to its end where absent. */
  readonly planned?: number;
}

/** What a training set is made of. */
export type TrainingSource =
  /** The teacher's thoughts that came with the corpus. */
  | { readonly kind: 'teacher' }
  /** The selected thoughts of an E-step, resampled among the first `samples` candidates. */
  | { readonly kind: 'thoughts'; readonly eStep: number; readonly samples: number; readonly seed: number }
  /** Raw text, no thoughts. */
  | { readonly kind: 'raw' };

export interface CutDocumentsInput {
  readonly place: Place;
  readonly corpus: { readonly name: string; readonly split: string };
  readonly segmentation: SegmentationSettings;
  readonly range: DocumentRange;
}

export interface BuildTrainingSetInput extends InRanges {
  readonly place: Place;
  readonly corpus: { readonly name: string; readonly split: string };
  readonly segmentation: SegmentationSettings;
  readonly source: TrainingSource;
  /** Whose tokenizer and markers the ids are in. */
  readonly checkpoint: CheckpointRef;
}

export interface WriteTrainingRangeInput extends BuildTrainingSetInput {
  readonly range: DocumentRange;
}

/** Corpus, E-step and training sets. Queue: sampling. */
export interface SamplingActivities {
  /** Cuts the split's documents, writes the E-step's row and shards; the same again for the same place. */
  planEStep(input: PlanEStepInput): Promise<EStepRef | OpenRanges>;
  /** Cuts documents of a split; goes on where it was stopped. */
  cutDocuments(input: CutDocumentsInput): Promise<void>;
  /** Samples, scores, weighs and selects for one shard's chunks; continues where the store says. */
  sampleShard(input: SampleShardInput): Promise<SamplingCounts>;
  /** Adds the E-step up; fails with TooManyRejections above `maxRejected`. */
  finishEStep(input: { readonly eStep: number; readonly settings: EStepSettings }): Promise<EStepSummary>;
  /** Finds the finished E-step of another arm at the same place, whose first `samples` candidates can be shared. */
  findEStep(input: { readonly place: Place; readonly samples: number }): Promise<EStepRef | null>;
  /** Writes the training set's files and manifest, immutable. */
  buildTrainingSet(input: BuildTrainingSetInput): Promise<TrainingSetRef | OpenRanges>;
  /** Writes the parts of a training set that hold these documents, for `buildTrainingSet` to put together. */
  writeTrainingRange(input: WriteTrainingRangeInput): Promise<void>;
}

export interface PrepareBaseInput {
  readonly run: string;
  readonly seed: number;
  readonly model: BaseModel;
  /** Corpus split whose text a tokenizer is trained on, where the base brings none. */
  readonly corpus: { readonly name: string; readonly split: string };
  readonly generation: number;
  readonly cluster: string;
}

export interface SubmitTrainingInput {
  readonly place: Place;
  readonly trial: number;
  readonly generation: number;
  readonly cluster: string;
  readonly seed: number;
  readonly init: CheckpointRef;
  readonly trainingSet: TrainingSetRef;
  readonly settings: TrainingSettings;
  readonly prefixChunks: number;
}

export interface JobRef {
  readonly key: string;
  readonly cluster: string;
}

export interface SuperviseServerInput {
  readonly place: Place;
  readonly fleet: string;
  readonly slot: number;
  readonly checkpoint: CheckpointRef;
  readonly servedModel: string;
  readonly settings: FleetSettings;
}

/** Jobs on clusters. Queue: cluster. */
export interface ClusterActivities {
  /** Writes the spec and submits the base model's job once per key. */
  submitBase(input: PrepareBaseInput): Promise<JobRef>;
  /** Writes the spec and submits a training once per key. */
  submitTraining(input: SubmitTrainingInput): Promise<JobRef>;
  /**
   * Watches a job until its marker is there and its files hold; heartbeats step and loss.
   * Cancelled by the workflow: stops the job. Worker shut down: lets go of it.
   */
  awaitJob(input: JobRef): Promise<TrainingResult>;
  /** Stops the job and waits, bounded, for its end; nothing happens when it has ended or never was. */
  cancelJob(input: JobRef): Promise<void>;
  /**
   * Keeps one server of the fleet alive: submit or find → endpoint → verify → probe, until cancelled (stops the job).
   * Fails with ServerLost (retried under the next generation) or ServerStartFailed.
   */
  superviseServer(input: SuperviseServerInput): Promise<void>;
  /** Stops every server of the fleet that still runs, e.g. because its supervisor's worker died with the cancellation. */
  releaseFleet(input: { readonly fleet: string }): Promise<void>;
}

export interface EvaluateInput {
  readonly place: Place;
  readonly trial: number;
  readonly fleet: string;
  readonly checkpoint: CheckpointRef;
  readonly settings: EvaluationSettings;
  readonly seed: number;
  /** Tokens that the fleet's servers hold, where that is set below what the model has. */
  readonly maxModelLen: number | null;
}

export interface RunBenchmarkInput extends EvaluateInput {
  readonly benchmark: BenchmarkSettings;
  /** `raw` for models trained without thoughts. */
  readonly form: 'latent' | 'raw';
}

export interface MeasureHeldOutInput extends EvaluateInput {
  readonly corpus: { readonly name: string; readonly split: string };
  readonly segmentation: SegmentationSettings;
  readonly eStep: EStepSettings;
  /** `raw` models have an NLL and no ELBO. */
  readonly form: 'latent' | 'raw';
  readonly fidelity: Fidelity;
}

/** Benchmarks and likelihoods. Queue: evaluation. */
export interface EvaluationActivities {
  /** Asks what is not yet answered, grades, aggregates, records. Every completion is a row. */
  runBenchmark(input: RunBenchmarkInput): Promise<readonly Metric[]>;
  /** NLL and ELBO_K of held-out documents. */
  measureHeldOut(input: MeasureHeldOutInput): Promise<readonly Metric[]>;
}

export interface PlanRawBudgetInput {
  readonly match: 'tokens' | 'flops';
  /** The EM loop's last finished iteration, whose training the arm is matched to. */
  readonly against: Place;
  readonly rawSet: TrainingSetRef;
}

/** Questions to the store. Queue: control. */
export interface PlanActivities {
  /** Training tokens of a raw arm: as many passes, or as many tokens, as the iteration it is compared with. */
  planRawBudget(input: PlanRawBudgetInput): Promise<{ readonly tokens: number }>;
  /** Which of the evaluations, by benchmark name, have no result for this checkpoint yet. */
  pendingEvaluations(input: {
    readonly place: Place;
    readonly trial: number;
    readonly checkpoint: CheckpointRef;
    readonly benchmarks: readonly string[];
  }): Promise<readonly string[]>;
}

export interface ControlActivities extends RecordActivities, PlanActivities {}
