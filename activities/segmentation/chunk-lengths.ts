import { createHash } from 'node:crypto';
import { pcg64 } from './pcg64.ts';
import { poisson } from './poisson.ts';

/** How many sentences a chunk has: `Poisson(meanSentences − minSentences) + minSentences`, at most `maxSentences`. */
export interface ChunkLengthSettings {
  /** sentences, ≥ minSentences; the mean before the cap */
  readonly meanSentences: number;
  /** sentences, integer ≥ 1 */
  readonly minSentences: number;
  /** sentences, integer ≥ minSentences */
  readonly maxSentences: number;
  /** integer, added to the text's own hash */
  readonly seed: number;
}

/**
 * Seed of a text's chunk lengths: `(md5(text) + seed) mod 2³²`, so that the same text is cut the same way wherever it stands.
 *
 * A text that is no valid Unicode has no UTF-8 form; like the released code it takes the plain seed.
 *
 * @returns integer in [0, 2³²)
 */
export function chunkSeed(text: string, seed: number): number {
  if (!text.isWellFormed()) return Number(BigInt.asUintN(32, BigInt(seed)));
  const lowWord = createHash('md5').update(text, 'utf8').digest().readUInt32BE(12);
  return Number(BigInt.asUintN(32, BigInt(lowWord) + BigInt(seed)));
}

/**
 * Draws the chunk lengths of a text (ryoungj/BoLT, apps/main/gen_utils/chunk_gen.py) with numpy's default generator.
 *
 * @param units - sentences of the text, ≥ 0
 * @returns sentences per chunk, each ≥ 1, which add up to `units`; the last chunk takes what remains
 * @throws RangeError when the settings contradict each other
 */
export function chunkLengths(text: string, units: number, settings: ChunkLengthSettings): number[] {
  const { meanSentences, minSentences, maxSentences } = settings;
  const whole = Number.isInteger(minSentences) && Number.isInteger(maxSentences);
  if (!(whole && minSentences >= 1 && minSentences <= meanSentences && minSentences <= maxSentences)) {
    throw new RangeError(
      `Expected integers 1 ≤ minSentences ≤ maxSentences and a meanSentences ≥ minSentences, got minSentences ` +
        `\`${minSentences}\`, maxSentences \`${maxSentences}\`, meanSentences \`${meanSentences}\` (recipe: segmentation)`,
    );
  }
  const uniform = pcg64(chunkSeed(text, settings.seed));
  const lengths: number[] = [];
  for (let remaining = units; remaining > 0;) {
    const drawn = poisson(uniform, meanSentences - minSentences) + minSentences;
    const length = Math.min(drawn, maxSentences, remaining);
    lengths.push(length);
    remaining -= length;
  }
  return lengths;
}

/**
 * Chunk lengths without chance, for evaluation: `ceil(units / meanSentences)` chunks of nearly equal length, cut at
 * `np.linspace(0, units, chunks + 1).astype(int)` (ryoungj/BoLT, apps/main/gen_utils/chunk_gen.py).
 *
 * @param units - sentences of the text, ≥ 0
 * @param meanSentences - sentences a chunk has at most, ≥ 1
 * @returns sentences per chunk, which add up to `units`
 * @throws RangeError when `meanSentences` is less than 1
 */
export function evenChunkLengths(units: number, meanSentences: number): number[] {
  if (!(meanSentences >= 1)) {
    throw new RangeError(`Expected meanSentences to be ≥ 1, got \`${meanSentences}\` (recipe: segmentation)`);
  }
  const chunks = Math.ceil(units / meanSentences);
  // linspace multiplies by the rounded step; the last boundary is the end itself, not the product.
  const step = units / chunks;
  const boundary = (index: number): number => (index === chunks ? units : Math.trunc(index * step));
  return Array.from({ length: chunks }, (_, index) => boundary(index + 1) - boundary(index));
}
