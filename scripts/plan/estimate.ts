import type { Recipe, TrainingSettings } from '../../workflows/contract/recipe.ts';
import type { Assumptions } from './assumptions.ts';
import { estimateHistory, type HistoryEstimate } from './history.ts';
import type { SplitMeasure } from './split-measure.ts';

/** One E-step. */
export interface SamplingEstimate {
  readonly chunks: number;
  readonly requests: number;
  readonly sampledTokens: number;
  /** Prompts of sampling, and whole sequences of scoring. */
  readonly scoredTokens: number;
  readonly shards: number;
  readonly batches: number;
  readonly seconds: number;
}

/** One training. */
export interface TrainingEstimate {
  readonly steps: number;
  readonly tokens: number;
  /** Over the training set. */
  readonly passes: number;
  readonly seconds: number;
}

/** A run before it is started. */
export interface RunEstimate {
  readonly sampling: SamplingEstimate;
  readonly warmStart: TrainingEstimate;
  readonly mStep: TrainingEstimate;
  /** How often each is done, arms included. */
  readonly eSteps: number;
  readonly trainings: number;
  readonly models: number;
  readonly history: HistoryEstimate;
  readonly databaseBytes: number;
  readonly fileBytes: number;
  /** Largest size of one training's checkpoints while it runs. */
  readonly trainerBytes: number;
  readonly evaluationTokens: number;
  readonly seconds: {
    readonly sampling: number;
    readonly training: number;
    readonly evaluation: number;
    readonly starting: number;
    readonly total: number;
  };
  readonly iterationSeconds: number;
  /** In the currency of the price; null without one. */
  readonly cost: number | null;
}

/** Bytes of a row of `thoughts` and of `chunk_results` with their index entries, without what grows with the text. */
const THOUGHT_ROW_BYTES = 130;
const CHUNK_ROW_BYTES = 160;
/** A token in a training set: five characters of JSON, compressed to about two fifths. */
const TRAINING_SET_BYTES_PER_TOKEN = 2;

/**
 * What a run of a recipe on a corpus will take, under the assumptions.
 * @param problems problems that are asked of each benchmark
 */
export function estimate(
  recipe: Recipe,
  train: SplitMeasure,
  teacher: SplitMeasure,
  problems: readonly number[],
  parameters: number | null,
  assumptions: Assumptions,
): RunEstimate {
  const { arms, iterations, eStep, mStep } = recipe;
  const sampling = estimateSampling(recipe, train, eStep.samples, assumptions);
  const warmStart = estimateTraining(
    recipe.warmStart,
    passTokens(recipe, teacher, assumptions, recipe.warmStart),
    rows(teacher, recipe.warmStart),
    assumptions,
  );
  const mStepEstimate = estimateTraining(
    mStep,
    passTokens(recipe, train, assumptions, mStep),
    rows(train, mStep),
    assumptions,
  );

  const latentArms = arms.filter((arm) => arm.kind === 'latent');
  // The first iteration's thoughts are shared where the main loop has as many.
  const armSampling = latentArms.flatMap((arm) => {
    const own = estimateSampling(recipe, train, arm.samples, assumptions);
    return Array<SamplingEstimate>(Math.max(0, iterations - (arm.samples <= eStep.samples ? 1 : 0))).fill(own);
  });
  const all = [...Array<SamplingEstimate>(iterations).fill(sampling), ...armSampling];
  const { trials } = mStep;
  const mSteps =
    trials * (iterations + latentArms.length * iterations + arms.filter(({ kind }) => kind !== 'latent').length);
  const trainings = 1 + mSteps;
  const models = trainings;

  const sum = (figure: (step: SamplingEstimate) => number): number =>
    all.reduce((total, step) => total + figure(step), 0);
  const evaluation = estimateEvaluation(recipe, train, problems, assumptions);
  const servers = Math.max(1, recipe.fleet.servers);
  const seconds = {
    sampling: sum((step) => step.seconds),
    training: warmStart.seconds + mSteps * mStepEstimate.seconds,
    evaluation: models * evaluation.seconds,
    starting: (all.length + models) * assumptions.serverStartSeconds,
  };
  const total = seconds.sampling + seconds.training + seconds.evaluation + seconds.starting;
  const serverSeconds = (seconds.sampling + seconds.evaluation + seconds.starting) * servers;
  const weights = (parameters ?? 0) * (mStep.precision === 'float32' ? 4 : 2);
  return {
    sampling,
    warmStart,
    mStep: mStepEstimate,
    eSteps: all.length,
    trainings,
    models,
    history: estimateHistory(all, trainings, recipe),
    databaseBytes:
      train.bytes + teacher.bytes + sum((step) => storedBytes(step, eStep.keep === 'all' ? undefined : 1, assumptions)),
    fileBytes:
      models * weights +
      (((iterations + 1 + latentArms.length * iterations) * mStepEstimate.tokens) / Math.max(1, mStepEstimate.passes)) *
        TRAINING_SET_BYTES_PER_TOKEN,
    // Weights and two moments in float32, twice while a checkpoint replaces the one before.
    trainerBytes: (parameters ?? 0) * 12 * 2,
    evaluationTokens: models * evaluation.tokens,
    seconds: { ...seconds, total },
    iterationSeconds:
      sampling.seconds + mStepEstimate.seconds + evaluation.seconds + 2 * assumptions.serverStartSeconds,
    cost:
      assumptions.pricePerHour === null
        ? null
        : ((serverSeconds + seconds.training) / 3_600) * assumptions.pricePerHour,
  };
}

/** Tokens of a document's parts. */
function tokensOf(
  measure: SplitMeasure,
  { charactersPerToken }: Assumptions,
): { context: number; text: number; chunk: number } {
  const text = measure.textCharacters / charactersPerToken;
  return { context: measure.contextCharacters / charactersPerToken, text, chunk: text / measure.chunksPerDocument };
}

function estimateSampling(
  recipe: Recipe,
  train: SplitMeasure,
  samples: number,
  assumptions: Assumptions,
): SamplingEstimate {
  const { eStep, fleet } = recipe;
  const { context, chunk } = tokensOf(train, assumptions);
  const chunks = Math.round(train.documents * train.chunksPerDocument);
  // Earlier chunks that a chunk has on average: fewer at the beginning of a document.
  const before = Math.min(eStep.prefixChunks, (train.chunksPerDocument - 1) / 2);
  const prompt = context + before * chunk + chunk + 5;
  const sampledTokens = Math.round(chunks * samples * assumptions.thoughtTokens);
  const scoredTokens = Math.round(chunks * (prompt + samples * (prompt + assumptions.thoughtTokens)));
  const shards = Math.ceil(train.documents / eStep.shardDocuments);
  const servers = Math.max(1, fleet.servers);
  return {
    chunks,
    requests: 2 * chunks,
    sampledTokens,
    scoredTokens,
    shards,
    batches: Math.ceil(shards / eStep.shardsPerBatch),
    seconds: (sampledTokens / assumptions.sampledPerSecond + scoredTokens / assumptions.scoredPerSecond) / servers,
  };
}

/** Rows of one pass when rows are not packed. */
const rows = (measure: SplitMeasure, { layout }: TrainingSettings): number =>
  layout === 'chunk' ? measure.documents * measure.chunksPerDocument : measure.documents;

/** Tokens of one pass over a training set with a thought a chunk. */
function passTokens(
  recipe: Recipe,
  measure: SplitMeasure,
  assumptions: Assumptions,
  { layout }: TrainingSettings,
): number {
  const { context, text, chunk } = tokensOf(measure, assumptions);
  const thoughts = measure.chunksPerDocument * (assumptions.thoughtTokens + 4);
  const before = Math.min(recipe.eStep.prefixChunks, (measure.chunksPerDocument - 1) / 2);
  // In layout `chunk` every chunk comes with the prefix in front of it.
  const prefixes = layout === 'chunk' ? measure.chunksPerDocument * (context + before * chunk + 2) : context + 2;
  return Math.round(measure.documents * (prefixes + text + thoughts));
}

function estimateTraining(
  settings: TrainingSettings,
  pass: number,
  passRows: number,
  assumptions: Assumptions,
): TrainingEstimate {
  const { budget, batch, sequenceLength, packing } = settings;
  const perStep = packing ? batch * sequenceLength : batch * Math.min(sequenceLength, pass / Math.max(1, passRows));
  const steps =
    'steps' in budget
      ? budget.steps
      : Math.max(1, Math.ceil(('tokens' in budget ? budget.tokens : budget.passes * pass) / perStep));
  const tokens = Math.round(steps * perStep);
  return { steps, tokens, passes: tokens / pass, seconds: tokens / assumptions.trainedPerSecond };
}

function estimateEvaluation(
  recipe: Recipe,
  train: SplitMeasure,
  problems: readonly number[],
  assumptions: Assumptions,
): { tokens: number; seconds: number } {
  const { benchmarks, heldOut } = recipe.evaluation;
  const { context, text } = tokensOf(train, assumptions);
  // Completions end long before their limit: half of it is assumed.
  const generated = benchmarks.reduce((sum, { maxTokens }, index) => sum + (problems[index] ?? 0) * (maxTokens / 2), 0);
  const bounds = heldOut === null ? 0 : heldOut.documents * heldOut.samples * train.chunksPerDocument;
  const sampled = generated + bounds * assumptions.thoughtTokens;
  const scored = bounds * (context + text + assumptions.thoughtTokens);
  const seconds =
    (sampled / assumptions.sampledPerSecond + scored / assumptions.scoredPerSecond) / Math.max(1, recipe.fleet.servers);
  return { tokens: Math.round(sampled + scored), seconds };
}

function storedBytes(
  step: SamplingEstimate,
  kept: number | undefined,
  { thoughtTokens, charactersPerToken }: Assumptions,
): number {
  const thoughts = kept === undefined ? step.sampledTokens / thoughtTokens : step.chunks * kept;
  return step.chunks * CHUNK_ROW_BYTES + thoughts * (THOUGHT_ROW_BYTES + thoughtTokens * (4 + charactersPerToken));
}
