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
