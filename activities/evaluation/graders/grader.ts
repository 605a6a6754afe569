import type { BenchmarkSettings } from '../../../workflows/contract/recipe.ts';
import { gradeExact } from './exact.ts';
import { gradeLastNumber } from './last-number.ts';
import { gradeMathString } from './math-string.ts';
import type { Grader } from './verdict.ts';

/** Graders by the name a recipe gives them. Each is a figure of its own: accuracies of two graders are never compared. */
export const GRADERS = {
  exact: gradeExact,
  'math-string': gradeMathString,
  'last-number': gradeLastNumber,
} as const satisfies Record<BenchmarkSettings['grader'], Grader>;
