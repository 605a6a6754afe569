import { seedWords } from './seed-sequence.ts';

/** Draws a double in [0, 1) with 53 random bits. */
export type UniformSource = () => number;

/** PCG's default 128-bit multiplier (numpy/random/src/pcg64/pcg64.h). */
const MULTIPLIER = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645n;
const WORD_BITS = 64n;
const MANTISSA_SCALE = 2 ** -53;

/**
 * The doubles of `np.random.default_rng(seed).random()`: PCG64 (XSL-RR 128/64) seeded through numpy's SeedSequence.
 *
 * @param seed - integer in [0, 2³²)
 */
export function pcg64(seed: number): UniformSource {
  const words = seedWords(seed, 8);
  const wide = (index: number): bigint => (BigInt(words[index + 1] ?? 0) << 32n) | BigInt(words[index] ?? 0);
  const initialState = (wide(0) << WORD_BITS) | wide(2);
  const increment = BigInt.asUintN(128, (((wide(4) << WORD_BITS) | wide(6)) << 1n) | 1n);
  const step = (from: bigint): bigint => BigInt.asUintN(128, from * MULTIPLIER + increment);

  let state = step(increment + initialState);
  return () => {
    state = step(state);
    const folded = BigInt.asUintN(64, (state >> WORD_BITS) ^ state);
    const rotation = state >> 122n;
    const output = BigInt.asUintN(64, (folded >> rotation) | (folded << (WORD_BITS - rotation)));
    return Number(output >> 11n) * MANTISSA_SCALE;
  };
}
