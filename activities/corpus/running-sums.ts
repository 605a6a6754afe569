/**
 * The micro task: digits are added up modulo m. The context names the digits, the thought is the running sums from the
 * second digit on, the chunk is the last of them.
 *
 *     context  `Add up 3 6 2 5 .`    thought  ` Then 2 4 2`    chunk  ` It ends in 2 .`      (m = 7)
 *
 * Every piece but the context begins with a space, and every word and digit has one before it: byte-level BPE then cuts a
 * piece into the same tokens alone as within the whole text, one for each digit.
 */

/** Running sums of digits modulo m, from the second digit on. */
export function runningSums(digits: readonly number[], modulus: number): number[] {
  let sum = digits[0] ?? 0;
  return digits.slice(1).map((digit) => (sum = (sum + digit) % modulus));
}

export const sumContext = (digits: readonly number[]): string => `Add up ${digits.join(' ')} .`;

export const sumThought = (sums: readonly number[]): string => ` Then ${sums.join(' ')}`;

export const sumChunk = (total: number): string => ` It ends in ${total} .`;

/**
 * Whether a thought holds exactly the running sums of the digits that its context names: what the micro task counts as
 * a right thought. False for a context of another kind.
 *
 * @param modulus m of the corpus, which its texts do not say
 */
export function isRightThought(context: string, thought: string, modulus = 7): boolean {
  const digits = /^Add up ((?:\d )+)\.$/.exec(context)?.[1]?.trimEnd().split(' ').map(Number);
  return digits !== undefined && thought === sumThought(runningSums(digits, modulus));
}
