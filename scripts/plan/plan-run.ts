import type { Database } from '../../activities/store/pool.ts';
import type { LoadedRecipe } from '../recipe/load.ts';
import { requireClusters, requireSplits } from '../run/start-run.ts';
import { assume, type Assumptions } from './assumptions.ts';
import { baseParameters } from './base-size.ts';
import { estimate, type RunEstimate } from './estimate.ts';
import { describeLongChunks, longChunks, type LongChunks } from './long-chunks.ts';
import { measure, type SplitMeasure } from './split-measure.ts';

/** A run's plan: what it reads, what is assumed, what it will take. */
export interface RunPlan {
  readonly run: string;
  readonly digest: string;
  readonly splits: readonly SplitMeasure[];
  readonly parameters: number | null;
  readonly assumptions: Assumptions;
  /** Chunks of the EM split that look too long for the model; null where none does. */
  readonly longChunks: LongChunks | null;
  readonly estimate: RunEstimate;
  readonly warnings: readonly string[];
}

/** Entries below which a vocabulary has hardly any words. */
const SMALL_VOCABULARY = 4_000;

/**
 * Plans a run on the corpus in the store; starts nothing.
 * @throws OperatorError when the corpus is not there
 */
export async function planRun(database: Database, loaded: LoadedRecipe, given: Partial<Assumptions>): Promise<RunPlan> {
  const { recipe, digest, warnings } = loaded;
  requireClusters(recipe);
  await requireSplits(database, recipe);
  const { corpus, segmentation, model, eStep } = recipe;
  const [teacher, train] = await Promise.all(
    [corpus.warmStart, corpus.train].map((split) => measure(database, corpus.name, split, segmentation)),
  );
  if (!teacher || !train) throw new Error(`Expected the splits of ${corpus.name} that were just found, found one gone`);
  const parameters = await baseParameters(model);
  const problems = recipe.evaluation.benchmarks.map(({ limit }, index) => {
    const there = loaded.files[index]?.problems.lines ?? 0;
    return Math.min(limit ?? there, there);
  });
  const smallVocabulary = model.source === 'random' && model.vocabularySize < SMALL_VOCABULARY;
  const assumptions = assume(given, parameters, smallVocabulary, teacher.thoughtCharacters, eStep.maxThoughtTokens);
  const { charactersPerToken } = assumptions;
  const long = await longChunks(database, recipe, loaded.contextLength, charactersPerToken);
  return {
    run: recipe.name,
    digest,
    splits: [teacher, train],
    parameters,
    assumptions,
    longChunks: long,
    estimate: estimate(recipe, train, teacher, problems, parameters, assumptions),
    warnings: [
      ...warnings.map(({ message }) => message),
      ...(long === null ? [] : [describeLongChunks(long, recipe, charactersPerToken)]),
      ...(teacher.thoughtCharacters === null
        ? [`Split ${corpus.warmStart} carries no thoughts: the warm start has nothing to learn from`]
        : []),
    ],
  };
}
