/** A number as the server of Python prints it: with all its digits. */
const digits = (value: number): number => Math.fround(value);

/** Log probability of an id in a scored prompt, nats: of the id alone. */
export function idLogprob(id: number): number {
  return digits(-0.31 - ((id * 37) % 101) / 29);
}

/** Log probabilities of sampled ids, nats. */
export const THOUGHT_LOGPROBS: readonly number[] = Array.from({ length: 64 }, (_, at) => digits(-0.07 - at / 23));
