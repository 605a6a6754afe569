import { MAIN_ARM } from '../../workflows/contract/ids.ts';
import type { RecipeProblem } from './problems.ts';
import type { RecipeFile } from './schema.ts';

/** What cannot go together, and what can but is seldom meant. */
export interface Contradictions {
  readonly errors: readonly RecipeProblem[];
  readonly warnings: readonly RecipeProblem[];
}

/** BOS, SOL, EOL, SOL, POST: tokens around prefix and chunk of a sampling prompt. */
export const FRAMING_TOKENS = 5;

/** vLLM's attention kernels on CPU want heads of at least this size. */
const LEAST_HEAD_SIZE = 32;

/**
 * Checks a recipe's parts against each other; everything that is found is reported together.
 *
 * @param contextLength positions of the base model in tokens, or undefined when only the model folder knows
 */
export function contradictions(file: RecipeFile, contextLength: number | undefined): Contradictions {
  const errors: RecipeProblem[] = [];
  const warnings: RecipeProblem[] = [];
  const error = (path: string, message: string): number => errors.push({ path, message });
  const warning = (path: string, message: string): number => warnings.push({ path, message });

  checkModel(file, error, warning);
  checkLengths(file, contextLength, error);
  for (const table of ['warmStart', 'mStep'] as const) checkTraining(file, table, error, warning);
  checkSegmentation(file, error, warning);
  checkArms(file, error, warning);
  checkEvaluation(file, error, warning);

  const served = file.fleet.dtype ?? file.mStep.precision;
  if (served !== file.mStep.precision) {
    warning(
      'fleet.dtype',
      `Models are trained in ${file.mStep.precision} and served in ${served}: log q and log p are those of the rounded weights`,
    );
  }
  return { errors, warnings };
}

type Report = (path: string, message: string) => number;

function checkModel({ model }: RecipeFile, error: Report, warning: Report): void {
  if (model.source !== 'random') return;
  const keyValueHeads = model.keyValueHeads ?? model.heads;
  if (model.hidden % model.heads !== 0) {
    error('model.heads', `Expected \`model.heads\` to divide model.hidden = ${model.hidden}, got \`${model.heads}\``);
  } else if (model.hidden / model.heads < LEAST_HEAD_SIZE) {
    warning(
      'model.heads',
      `Heads of ${model.hidden / model.heads} are smaller than the ${LEAST_HEAD_SIZE} that vLLM on CPU wants: fewer heads, or a greater model.hidden`,
    );
  }
  if (model.heads % keyValueHeads !== 0) {
    error(
      'model.key_value_heads',
      `Expected \`model.key_value_heads\` to divide model.heads = ${model.heads}, got \`${keyValueHeads}\``,
    );
  }
}

function checkLengths(file: RecipeFile, contextLength: number | undefined, error: Report): void {
  const { eStep, fleet, evaluation } = file;
  const limits = [
    ['the model’s context', contextLength],
    ['fleet.max_model_len', fleet.maxModelLen],
  ] as const;
  if (contextLength !== undefined && fleet.maxModelLen !== undefined && fleet.maxModelLen > contextLength) {
    error(
      'fleet.max_model_len',
      `Expected \`fleet.max_model_len\` to be at most the model’s context of ${contextLength} tokens, got \`${fleet.maxModelLen}\``,
    );
  }
  for (const [what, limit] of limits) {
    if (limit === undefined) continue;
    if (eStep.maxThoughtTokens + FRAMING_TOKENS >= limit) {
      error(
        'e-step.max_thought_tokens',
        `Expected \`e-step.max_thought_tokens\` to leave room for a chunk in ${what} of ${limit} tokens, got \`${eStep.maxThoughtTokens}\``,
      );
    }
    for (const [index, benchmark] of evaluation.benchmarks.entries()) {
      if (benchmark.maxTokens >= limit) {
        error(
          `evaluation.benchmarks.${index}.max_tokens`,
          `Expected \`max_tokens\` of benchmark ${benchmark.name} to leave room for the question in ${what} of ${limit} tokens, got \`${benchmark.maxTokens}\``,
        );
      }
    }
  }
  for (const [table, training] of [
    ['warm-start', file.warmStart],
    ['m-step', file.mStep],
  ] as const) {
    if (contextLength !== undefined && training.sequenceLength > contextLength) {
      error(
        `${table}.sequence_length`,
        `Expected \`${table}.sequence_length\` to be at most the model’s context of ${contextLength} tokens, got \`${training.sequenceLength}\``,
      );
    }
  }
}

function checkTraining(file: RecipeFile, part: 'warmStart' | 'mStep', error: Report, warning: Report): void {
  const table = part === 'warmStart' ? 'warm-start' : 'm-step';
  const training = file[part];
  const given = (['steps', 'tokens', 'passes'] as const).filter((key) => training[key] !== undefined);
  if (given.length > 1) {
    error(
      `${table}.${given[1]}`,
      `Expected one of \`steps\`, \`tokens\`, \`passes\` in [${table}], got ${given.join(' and ')}`,
    );
  }
  const steps =
    training.steps ??
    (training.tokens !== undefined && training.packing
      ? Math.floor(training.tokens / (training.batch * training.sequenceLength))
      : undefined);
  if (steps !== undefined && steps < 1) {
    error(
      `${table}.tokens`,
      `Expected \`${table}.tokens\` to be at least one step of ${training.batch} rows × ${training.sequenceLength} tokens, got \`${training.tokens}\``,
    );
  } else if (steps !== undefined && training.warmupSteps >= steps) {
    error(
      `${table}.warmup_steps`,
      `Expected \`${table}.warmup_steps\` to be fewer than the training’s ${steps} steps, got \`${training.warmupSteps}\``,
    );
  }
  if (training.layout === 'chunk' && training.packing) {
    warning(
      `${table}.packing`,
      `[${table}] packs examples of layout "chunk": each is then read behind others that have nothing to do with it; "packing = false" shows what the E-step and the evaluation show`,
    );
  }
  if (training.form === 'posterior') {
    warning(
      `${table}.form`,
      `[${table}] trains the posterior form alone: the model never learns p(Z, X), which the weights need`,
    );
  }
  if (training.form === 'prior') {
    warning(
      `${table}.form`,
      `[${table}] trains the prior form alone: the model never learns q(Z | X), which the next E-step samples from`,
    );
  }
}

function checkSegmentation({ segmentation, eStep }: RecipeFile, error: Report, warning: Report): void {
  if (segmentation.kind === 'whole') {
    if (eStep.prefixChunks > 0) {
      warning(
        'e-step.prefix_chunks',
        'A document that is one chunk has no earlier chunks: `e-step.prefix_chunks` has no effect',
      );
    }
    return;
  }
  const { minSentences, meanSentences, maxSentences } = segmentation;
  if (!(minSentences <= meanSentences && meanSentences <= maxSentences)) {
    error(
      'segmentation.mean_sentences',
      `Expected min_sentences ≤ mean_sentences ≤ max_sentences in [segmentation], got ${minSentences}, ${meanSentences}, ${maxSentences}`,
    );
  }
}

function checkArms(file: RecipeFile, error: Report, warning: Report): void {
  const names = new Set([MAIN_ARM]);
  for (const [index, arm] of file.arms.entries()) {
    const path = `arms.${index}`;
    if (names.has(arm.name)) {
      error(
        `${path}.name`,
        arm.name === MAIN_ARM
          ? `\`${MAIN_ARM}\` is the name of the EM loop itself: give arm ${index + 1} another name`
          : `Expected arms of different names, got \`${arm.name}\` twice`,
      );
    }
    names.add(arm.name);
    if (file.iterations === 0) {
      error(path, `Arm \`${arm.name}\` (${arm.kind}) has nothing to be compared with: \`iterations\` is 0`);
    }
    if (arm.kind === 'latent' && arm.samples === file.eStep.samples) {
      error(
        `${path}.samples`,
        `Arm \`${arm.name}\` repeats the EM loop: its samples are the ${file.eStep.samples} of \`e-step.samples\``,
      );
    }
    if (arm.kind === 'latent' && arm.samples > file.eStep.samples && file.iterations > 0) {
      warning(
        `${path}.samples`,
        `Arm \`${arm.name}\` asks for more thoughts than \`e-step.samples\` = ${file.eStep.samples}: it shares no sampling with the EM loop`,
      );
    }
    if (arm.kind === 'control' && file.mStep.passes !== undefined) {
      warning(
        path,
        `Arm \`${arm.name}\` makes the M-step's ${file.mStep.passes} passes over the teacher's documents, which are another number of tokens: \`m-step.steps\` or \`m-step.tokens\` gives both the same budget`,
      );
    }
    if (arm.kind === 'raw' && file.mStep.init === 'previous') {
      warning(
        path,
        `Arm \`${arm.name}\` is matched to the last M-step alone, while \`m-step.init = "previous"\` lets the model learn in all ${file.iterations}`,
      );
    }
  }
}

function checkEvaluation({ evaluation, corpus }: RecipeFile, error: Report, warning: Report): void {
  const names = new Set<string>();
  for (const [index, benchmark] of evaluation.benchmarks.entries()) {
    const path = `evaluation.benchmarks.${index}`;
    if (benchmark.name === 'held-out') {
      error(`${path}.name`, '`held-out` is the name of the likelihoods’ evaluation: give the benchmark another name');
    }
    if (names.has(benchmark.name)) {
      error(`${path}.name`, `Expected benchmarks of different names, got \`${benchmark.name}\` twice`);
    }
    names.add(benchmark.name);
    if (!benchmark.question.includes('{problem}')) {
      error(
        `${path}.question`,
        `Expected \`question\` of benchmark ${benchmark.name} to contain {problem}, got ${JSON.stringify(benchmark.question)}`,
      );
    }
  }
  const split = evaluation.heldOut?.split;
  if (split !== undefined && (split === corpus.train || split === corpus.warmStart)) {
    error(
      'evaluation.held-out.split',
      `Expected held-out documents that nothing trains on, got \`${split}\`, which is a training split`,
    );
  }
  if (corpus.train === corpus.warmStart) {
    warning(
      'corpus.train',
      'The EM loop annotates the split that carries the teacher’s thoughts: M_0 has seen its thoughts already',
    );
  }
  if (evaluation.benchmarks.length === 0 && evaluation.heldOut === undefined) {
    warning('evaluation', 'Nothing is measured: neither [[evaluation.benchmarks]] nor [evaluation.held-out] is there');
  }
}
