import type { BenchmarkSettings, Recipe, TrainingBudget, TrainingSettings } from '../../workflows/contract/recipe.ts';
import type { BenchmarkFiles } from './data-files.ts';
import type { RecipeFile } from './schema.ts';
import { PAPER_M_STEP, PAPER_WARM_START } from './training-schema.ts';

type TrainingTable = RecipeFile['warmStart'];

/**
 * The recipe that a file means: budgets made one, dtypes and heads filled in from what they follow, benchmark files
 * pinned by digest.
 *
 * @param benchmarks files of the benchmarks in the file's order
 * @param modelFolder absolute path of the base model where `[model]` names a folder
 */
export function resolve(file: RecipeFile, benchmarks: readonly BenchmarkFiles[], modelFolder: string | null): Recipe {
  const { init, trials, cluster, ...mStep } = file.mStep;
  const { heldOut, concurrency, required } = file.evaluation;
  const { model, fleet } = file;
  return {
    name: file.name,
    seed: file.seed,
    fidelity: file.fidelity,
    iterations: file.iterations,
    corpus: file.corpus,
    model:
      model.source === 'random'
        ? { ...model, keyValueHeads: model.keyValueHeads ?? model.heads }
        : model.source === 'folder'
          ? { source: 'folder', path: modelFolder ?? model.path }
          : model,
    segmentation: file.segmentation,
    warmStart: training(file.warmStart, PAPER_WARM_START.tokens),
    eStep: file.eStep,
    mStep: { ...training(mStep, PAPER_M_STEP.tokens), init, trials, cluster },
    arms: file.arms,
    evaluation: {
      benchmarks: file.evaluation.benchmarks.map((benchmark, index) => pinned(benchmark, benchmarks[index])),
      heldOut: heldOut ?? null,
      concurrency,
      required,
    },
    fleet: {
      ...fleet,
      dtype: fleet.dtype ?? file.mStep.precision,
      maxNumSeqs: fleet.maxNumSeqs ?? null,
      maxModelLen: fleet.maxModelLen ?? null,
      kvCacheGigabytes: fleet.kvCacheGigabytes ?? null,
    },
  };
}

function training({ steps, tokens, passes, ...rest }: TrainingTable, paperTokens: number): TrainingSettings {
  const budget: TrainingBudget =
    steps !== undefined ? { steps } : passes !== undefined ? { passes } : { tokens: tokens ?? paperTokens };
  return { budget, ...rest };
}

function pinned(
  benchmark: RecipeFile['evaluation']['benchmarks'][number],
  files: BenchmarkFiles | undefined,
): BenchmarkSettings {
  if (files === undefined) throw new Error(`Expected the files of benchmark ${benchmark.name}, got none`);
  return {
    name: benchmark.name,
    file: benchmark.file,
    digest: files.problems.digest,
    format: benchmark.format,
    question: benchmark.question,
    shots:
      benchmark.shots === undefined || files.shots === null
        ? null
        : { file: benchmark.shots.file, digest: files.shots.digest, count: benchmark.shots.count },
    grader: benchmark.grader,
    stop: benchmark.stop,
    limit: benchmark.limit ?? null,
    maxTokens: benchmark.maxTokens,
  };
}
