import { createHash } from 'node:crypto';

/** Greatest seed: 31 bits, which Python, NumPy and PyTorch all take. */
const SEED_BITS = 0x7fff_ffff;

/**
 * Seed of a job that makes a model, from the recipe's seed and what is trained: never from time, attempt or generation.
 * Arms of a run share it at the same iteration and trial, so that they differ by their data and not by their draws.
 */
export function trainingSeed(seed: number, step: 'base' | 'training', iteration: number, trial: number): number {
  const digest = createHash('sha256').update(`${step}/${seed}/${iteration}/${trial}`).digest();
  return digest.readUInt32BE(0) & SEED_BITS;
}
