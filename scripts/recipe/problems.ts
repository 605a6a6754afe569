import { EXIT_CODES, OperatorError } from '../operator-error.ts';

/** Something in a recipe that cannot be, or (a warning) that is seldom meant. */
export interface RecipeProblem {
  /** Path in the recipe file, e.g. `e-step.samples`; '' for the file as a whole. */
  readonly path: string;
  /** What was expected, what was found, what to do. */
  readonly message: string;
}

/** Everything that is wrong with a recipe, reported together: one line a problem, `file:line: message`. */
export class RecipeError extends OperatorError {
  override readonly name = 'RecipeError';
  readonly problems: readonly RecipeProblem[];

  /** @param lineOf line of a path in the file, where there is one */
  constructor(file: string, problems: readonly RecipeProblem[], lineOf: (path: string) => number | undefined) {
    super({
      expected: 'a recipe that can run',
      found: problems.length === 1 ? 'a problem' : `${problems.length} problems`,
      where: file,
      remedy: `Nothing was started.\n${problems.map((problem) => located(file, problem, lineOf(problem.path))).join('\n')}`,
      exitCode: EXIT_CODES.badInput,
    });
    this.problems = problems;
  }
}

/** A problem with the place where it stands. */
function located(file: string, problem: RecipeProblem, line: number | undefined): string {
  return `  ${file}${line === undefined ? '' : `:${line}`}: ${problem.message}`;
}
