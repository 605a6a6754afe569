/** `\boxed` as MATH's solutions write it, `\fbox` in a few. */
const COMMAND = /\\(?:boxed|fbox)(?![A-Za-z])/g;

/**
 * Content of the last `\boxed{…}` of a text, braces balanced; also the form `\boxed 5`, which ends at the next `$`, white
 * space or the text's end (both as in the MATH dataset: Hendrycks et al. 2021, arXiv 2103.03874, `last_boxed_only_string`).
 * Escaped braces `\{` and `\}` do not count.
 *
 * @returns null when there is none, or the last one is cut off before its brace closes. Time is linear in the text.
 */
export function lastBoxed(text: string): string | null {
  let start = -1;
  for (const match of text.matchAll(COMMAND)) start = match.index + match[0].length;
  if (start < 0) return null;

  while (text[start] === ' ') start += 1;
  if (text[start] !== '{') {
    const bare = /^[^\s$]+/.exec(text.slice(start));
    return bare === null ? null : bare[0];
  }
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\') at += 1;
    else if (character === '{') depth += 1;
    else if (character === '}') {
      depth -= 1;
      if (depth === 0) return text.slice(start + 1, at).trim();
    }
  }
  return null;
}
