import type { Graded } from './verdict.ts';

/** Text with each run of white space made one space, and none at the ends. */
export function collapseWhitespace(text: string): string {
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .join(' ');
}

/** `exact`: the whole text is the answer; right when equal to the gold answer but for white space. */
export function gradeExact(text: string, gold: string): Graded {
  const answer = collapseWhitespace(text);
  if (answer === '') return { verdict: 'ungraded', answer: null };
  return { verdict: answer === collapseWhitespace(gold) ? 'right' : 'wrong', answer };
}
