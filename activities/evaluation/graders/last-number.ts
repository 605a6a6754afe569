import type { Graded } from './verdict.ts';

/** A number without its sign: thousands in groups of three or digits in a row, then decimals. No full stop behind it. */
const UNSIGNED = /(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+/g;

/** A minus and at most one dollar sign at the end of a text, with nothing before the minus that it could be taken from. */
const SIGN_BEFORE = /(?:^|[^\w.)\]$])\$?[-−]\$?$/;

/**
 * The value of a number's text as a canonical decimal string, so that numbers of any size compare exactly: no `$`, no
 * commas, no sign on nought, no leading or trailing noughts; null when the text is no number.
 */
export function canonicalNumber(text: string): string | null {
  const parts = /^(-|−)?\$?(-|−)?([\d,]*)(?:\.(\d*))?$/.exec(text.trim());
  if (parts === null) return null;
  const [, outer, inner, grouped = '', decimals = ''] = parts;
  const digits = grouped.replaceAll(',', '');
  if (digits === '' && decimals === '') return null;
  const whole = digits.replace(/^0+/, '') || '0';
  // Not /0+$/: on a long run of noughts that ends in another digit it starts anew at each of them.
  let end = decimals.length;
  while (end > 0 && decimals[end - 1] === '0') end -= 1;
  const value = end === 0 ? whole : `${whole}.${decimals.slice(0, end)}`;
  return (outer ?? inner) !== undefined && value !== '0' ? `-${value}` : value;
}

/** The last number of a text in canonical form; null when there is none. */
export function lastNumber(text: string): string | null {
  let last: RegExpExecArray | null = null;
  for (const match of text.matchAll(UNSIGNED)) last = match;
  if (last === null) return null;
  const before = text.slice(Math.max(0, last.index - 4), last.index);
  return canonicalNumber(SIGN_BEFORE.test(before) ? `-${last[0]}` : last[0]);
}

/**
 * `last-number`: the last number of the text against the gold number, by value. GSM8K's flexible extract (lm-eval
 * `gsm8k`, filter `flexible-extract`: last number, `$`, commas and the trailing full stop taken off), with two readings
 * made stricter: a comma belongs to a number only in front of three digits (`1, 2` is two numbers), and a minus between
 * operands (`5-3`) is no sign.
 */
export function gradeLastNumber(text: string, gold: string): Graded {
  const answer = lastNumber(text);
  if (answer === null) return { verdict: 'ungraded', answer: null };
  return { verdict: answer === (canonicalNumber(gold) ?? lastNumber(gold)) ? 'right' : 'wrong', answer };
}
