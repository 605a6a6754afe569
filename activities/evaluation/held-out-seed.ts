import { createHash } from 'node:crypto';
import type { DrawPlace } from '../e-step/seeds.ts';

/**
 * Seed of the thoughts drawn for the bound of one held-out chunk, 0 … 2^48 − 1: the first 48 bits of the SHA-256 of
 * `held-out/seed/iteration/document/chunk`. Other than the E-step's seeds, so that the bound is measured with draws of
 * its own.
 */
export function heldOutSeed({ seed, iteration, document, chunk }: DrawPlace): number {
  const hash = createHash('sha256').update(['held-out', seed, iteration, document, chunk].join('/'));
  return hash.digest().readUIntBE(0, 6);
}
