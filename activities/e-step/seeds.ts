import { hash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/**
 * Where in a run a random draw belongs. Every draw is a function of this alone: not of time, attempt, worker, or the
 * order in which chunks are finished, so that a chunk done again after a crash gets the same draw.
 */
export interface DrawPlace {
  /** Seed of the run (recipe). */
  readonly seed: number;
  readonly iteration: number;
  /** Ordinal of the document in its split. */
  readonly document: number;
  /** Index of the chunk in its document. */
  readonly chunk: number;
}

/**
 * SHA-256 of `purpose/seed/iteration/document/chunk[/round]` in decimal digits. A cryptographic hash because neighbouring
 * chunks differ in one digit and their draws must not be correlated, which the generators' own seeding does not promise.
 */
function digest(purpose: string, place: DrawPlace, round?: number): Buffer {
  const fields = [purpose, place.seed, place.iteration, place.document, place.chunk];
  if (round !== undefined) fields.push(round);
  return hash('sha256', fields.join('/'), 'buffer');
}

/**
 * Seed of the sampling request of one round, 0 … 2^48 − 1. vLLM seeds candidate i with seed + i, so the seeds of two
 * requests must not lie within K of each other; 48 hashed bits make that as unlikely as a collision, and leave room
 * below the 2^53 that JSON numbers carry exactly.
 */
export function samplingSeed(place: DrawPlace, round: number): number {
  return digest('sample', place, round).readUIntBE(0, 6);
}

/** A uniform draw in [0, 1) for choosing one candidate of a chunk: xoroshiro128+ started from the hash of the place. */
export function selectionDraw(place: DrawPlace): number {
  const bytes = digest('select', place);
  const state = [bytes.readInt32BE(0), bytes.readInt32BE(4), bytes.readInt32BE(8), bytes.readInt32BE(12)];
  return uniformFloat64(xoroshiro128plusFromState(state));
}
