import { z } from 'zod';
import type { BenchmarkSettings } from '../../workflows/contract/recipe.ts';
import { lastBoxed } from './boxed.ts';
import { gsm8kAnswer } from './gsm8k-answer.ts';

/** One problem of a benchmark, or one worked example of a few-shot file. */
export interface Problem {
  /** Position in its file, from 0. */
  readonly index: number;
  readonly problem: string;
  /** Worked solution; null where the file has none. */
  readonly solution: string | null;
  /** Gold answer, not normalised: the grader does that. */
  readonly answer: string;
}

const text = z.string().refine((value) => value.trim() !== '', 'Expected text, got none');

const jsonl = z
  .object({ problem: text, answer: text, solution: text.optional() })
  .transform(({ problem, answer, solution }) => ({ problem, answer, solution: solution ?? null }));

/** Hendrycks et al. 2021: the gold answer is the content of the solution's last box. */
const math = z.object({ problem: text, solution: text }).transform(({ problem, solution }, context) => {
  const answer = lastBoxed(solution);
  if (answer === null || answer === '') {
    context.addIssue({ code: 'custom', path: ['solution'], message: 'Expected an answer in \\boxed{…}, found none' });
    return z.NEVER;
  }
  return { problem, solution, answer };
});

const gsm8k = z.object({ question: text, answer: text }).transform(({ question, answer }, context) => {
  const parts = gsm8kAnswer(answer);
  if (parts === null) {
    context.addIssue({ code: 'custom', path: ['answer'], message: 'Expected a final answer behind ####, found none' });
    return z.NEVER;
  }
  return { problem: question.trim(), solution: parts.steps, answer: parts.final };
});

const FORMATS = { jsonl, math, gsm8k } as const satisfies Record<BenchmarkSettings['format'], z.ZodType>;

/**
 * Reads one line of a benchmark's file.
 * @returns the problem, or what is wrong with the line
 */
export function parseProblem(
  format: BenchmarkSettings['format'],
  line: string,
  index: number,
): Problem | { readonly invalid: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { invalid: `Expected JSON: ${(error as Error).message}` };
  }
  const parsed = FORMATS[format].safeParse(value);
  if (parsed.success) return { index, ...parsed.data };
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  return { invalid: `${issue?.message ?? 'Expected a problem'}${field === '' ? '' : ` (field \`${field}\`)`}` };
}
