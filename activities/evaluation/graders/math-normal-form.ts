/**
 * Normal form of a MATH answer, under the rules published with the dataset (Hendrycks et al. 2021, arXiv 2103.03874,
 * `is_equiv` of github.com/hendrycks/math): two answers are equal when their normal forms are equal strings. String rules
 * only, no algebra: `2x+1` and `1+2x` differ, `0.25` and `1/4` differ, `(1,2)` and `(1, 2)` do not.
 */

/** Strings put in place of others, in this order. */
const REPLACED: readonly (readonly [string, string])[] = [
  ['\n', ''],
  // Negative space.
  ['\\!', ''],
  // A line break that was meant as one backslash.
  ['\\\\', '\\'],
  ['tfrac', 'frac'],
  ['dfrac', 'frac'],
  ['\\left', ''],
  ['\\right', ''],
  ['^{\\circ}', ''],
  ['^\\circ', ''],
  ['\\$', ''],
];

/** `\frac` or `\sqrt` followed by something else than a brace: the argument is one character. */
function braceArgument(text: string): { readonly argument: string; readonly rest: string } | null {
  if (text === '') return null;
  if (text.startsWith('{')) return { argument: '', rest: text };
  return { argument: `{${text.slice(0, 1)}}`, rest: text.slice(1) };
}

/** `\sqrt3` → `\sqrt{3}`. A `\sqrt` with nothing behind it makes the text malformed: null. */
function braceSquareRoots(text: string): string | null {
  const [first = '', ...others] = text.split('\\sqrt');
  const parts = [first];
  for (const other of others) {
    const braced = braceArgument(other);
    if (braced === null) return null;
    parts.push(`\\sqrt${braced.argument}${braced.rest}`);
  }
  return parts.join('');
}

/**
 * `\frac12` → `\frac{1}{2}`, `\frac1{72}` → `\frac{1}{72}`; `\frac{…}…` is left alone. A single character behind an
 * unbraced `\frac` leaves the whole text as it was (the published rule); nothing behind it makes it malformed: null.
 */
function braceFractions(text: string): string | null {
  const [first = '', ...others] = text.split('\\frac');
  const parts = [first];
  for (const other of others) {
    if (other === '') return null;
    if (other.startsWith('{')) {
      parts.push(`\\frac${other}`);
      continue;
    }
    if (other.length < 2) return text;
    const denominator = braceArgument(other.slice(1));
    if (denominator === null) return null;
    parts.push(`\\frac{${other.slice(0, 1)}}${denominator.argument}${denominator.rest}`);
  }
  return parts.join('');
}

/** `a/b` of two integers written without surplus noughts or signs → `\frac{a}{b}`. */
function slashToFraction(text: string): string {
  const integers = /^(0|-?[1-9]\d*)\/(0|-?[1-9]\d*)$/.exec(text);
  return integers === null ? text : `\\frac{${integers[1]}}{${integers[2]}}`;
}

/**
 * The normal form of an answer, or null when it is malformed under the rules: it can then only be equal as it stands.
 * Linear in the text.
 */
export function mathNormalForm(answer: string): string | null {
  let text = answer;
  for (const [from, to] of REPLACED) text = text.replaceAll(from, to);
  // A unit is written `\text{ cm}`, with the space inside; what stands before it is the answer.
  const units = text.split('\\text{ ');
  if (units.length > 2) return null;
  text = units[0] ?? '';
  text = text.replaceAll('\\%', '');
  text = text.replaceAll(' .', ' 0.').replaceAll('{.', '{0.');
  if (text === '') return text;
  if (text.startsWith('.')) text = `0${text}`;
  // `k = 5`: a name of at most two characters, the space counted, is not part of the answer.
  const sides = text.split('=');
  if (sides.length === 2 && (sides[0] ?? '').length <= 2) text = sides[1] ?? '';
  const rooted = braceSquareRoots(text);
  if (rooted === null) return null;
  const braced = braceFractions(rooted.replaceAll(' ', ''));
  if (braced === null) return null;
  return slashToFraction(braced === '0.5' ? '\\frac{1}{2}' : braced);
}

/** Whether two answers are equal: by normal form, or as they stand where one of them is malformed. */
export function mathEqual(one: string, other: string): boolean {
  const [left, right] = [mathNormalForm(one), mathNormalForm(other)];
  return left === null || right === null ? one === other : left === right;
}
