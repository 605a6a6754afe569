import type { BenchmarkSettings, PromptForm } from '../../workflows/contract/recipe.ts';
import { failure } from '../failure.ts';
import type { ExpectedModel } from '../vllm/admission.ts';
import { SpecialTokenInTextError } from '../vllm/tokenizer.ts';
import {
  fitPrompt,
  pieceIds,
  PROBLEM_PLACE,
  questionPieces,
  shotPieces,
  type PromptFit,
  type PromptPiece,
} from './benchmark-prompt.ts';
import type { Problem } from './problem.ts';

/** A problem as it is asked. */
export interface PlannedProblem {
  readonly problem: Problem;
  /** The question as ids, without BOS and examples. */
  readonly question: readonly number[];
  readonly fit: PromptFit;
}

/** A benchmark's problems as they are put to one model. */
export interface BenchmarkPlan {
  readonly problems: readonly PlannedProblem[];
  /** Worked examples as ids. */
  readonly shots: readonly (readonly number[])[];
}

/**
 * Encodes questions and examples and decides how many examples each problem gets. The same for the same input, so that a
 * benchmark that starts again needs nothing of it stored.
 *
 * @param problems all problems of the benchmark's file; the first `limit` are asked
 * @param examples problems of the few-shot file
 * @throws RecipeInvalid for a template without a place for the problem, an example that is one of the problems, a latent
 *   example without a solution, or text that holds a marker
 */
export function planBenchmark(
  benchmark: BenchmarkSettings,
  form: PromptForm,
  model: ExpectedModel,
  problems: readonly Problem[],
  examples: readonly Problem[],
): BenchmarkPlan {
  const { question: template, format, maxTokens } = benchmark;
  if (!template.includes(PROBLEM_PLACE)) {
    throw failure('RecipeInvalid', `Expected ${PROBLEM_PLACE} in the question of ${benchmark.name}, found none`);
  }
  const encode = (pieces: readonly PromptPiece[], file: string, { index }: Problem): readonly number[] => {
    try {
      return pieceIds(pieces, model.description, (text) => model.tokenizer.encode(text));
    } catch (error) {
      if (!(error instanceof SpecialTokenInTextError)) throw error;
      const found = `special token ${error.id}`;
      throw failure(
        'RecipeInvalid',
        `Expected plain text in ${file}, problem ${index + 1}; found ${found}: take it out`,
      );
    }
  };

  const shotsFile = benchmark.shots?.file ?? '';
  const asked = new Set(problems.map(({ problem }) => problem.trim()));
  const shots = examples.slice(0, benchmark.shots?.count ?? 0).map((example) => {
    if (asked.has(example.problem.trim())) {
      const where = `${shotsFile}, example ${example.index + 1}`;
      throw failure(
        'RecipeInvalid',
        `Expected examples that are not asked, found one of ${benchmark.file} in ${where}`,
      );
    }
    const pieces = shotPieces(form, format, template, example);
    if (pieces === null) {
      const where = `${shotsFile}, example ${example.index + 1}`;
      throw failure('RecipeInvalid', `Expected a \`solution\` to stand for the thought, found none in ${where}`);
    }
    return encode(pieces, shotsFile, example);
  });

  const lengths = shots.map((shot) => shot.length);
  return {
    shots,
    problems: problems.slice(0, benchmark.limit ?? problems.length).map((problem) => {
      const question = encode(questionPieces(form, template, problem.problem), benchmark.file, problem);
      const fit = fitPrompt(model.description.contextLength, lengths, question.length, maxTokens);
      return { problem, question, fit };
    }),
  };
}
