import { lastBoxed } from '../boxed.ts';
import { mathEqual } from './math-normal-form.ts';
import type { Graded } from './verdict.ts';

/** What announces an answer in words (Minerva's prompt: `Final Answer: The final answer is $…$.`). */
const CUE = /final answer:|answer is/gi;

/** Pairs of delimiters around a formula. */
const DELIMITERS = [
  ['$$', '$$'],
  ['$', '$'],
  ['\\(', '\\)'],
  ['\\[', '\\]'],
] as const;

/** The formula that a text opens with, or else its first line up to its end, a full stop there left out. */
function formulaOrLine(text: string): string | null {
  const line = text.split('\n', 1)[0] ?? '';
  for (const [open, close] of DELIMITERS) {
    if (!line.startsWith(open)) continue;
    const end = line.indexOf(close, open.length);
    if (end > open.length) return line.slice(open.length, end).trim();
  }
  const answer = line.trim().replace(/\.$/, '').trim();
  return answer === '' ? null : answer;
}

/**
 * The answer a solution gives: the content of its last `\boxed{…}`; where there is none (or it is cut off), what stands
 * behind the last `Final Answer:` or `answer is`: the formula in `$…$`, `\(…\)` or `\[…\]` that follows at once, else the
 * rest of the line without its full stop. Null when there is nothing of either kind.
 */
export function readMathAnswer(text: string): string | null {
  const boxed = lastBoxed(text);
  if (boxed !== null && boxed !== '') return boxed;
  let behind = -1;
  for (const match of text.matchAll(CUE)) behind = match.index + match[0].length;
  if (behind < 0) return null;
  return formulaOrLine(text.slice(behind).replace(/^[\s:]+/, ''));
}

/** `math-string`: the answer read out of a solution against the gold answer, equal by MATH's own string rules. */
export function gradeMathString(text: string, gold: string): Graded {
  const answer = readMathAnswer(text);
  if (answer === null) return { verdict: 'ungraded', answer: null };
  return { verdict: mathEqual(answer, gold) ? 'right' : 'wrong', answer };
}
