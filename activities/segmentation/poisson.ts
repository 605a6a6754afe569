import type { UniformSource } from './pcg64.ts';

/** From this mean on numpy rejects from a transformed density instead of multiplying uniforms. */
const TRANSFORMED_REJECTION_FROM = 10;

/** Coefficients of Stirling's series for ln Γ, as numpy's `random_loggam` has them (numpy/random/src/distributions/distributions.c). */
const STIRLING: readonly number[] = [
  8.333333333333333e-2, -2.777777777777778e-3, 7.936507936507937e-4, -5.952380952380952e-4, 8.417508417508418e-4,
  -1.917526917526918e-3, 6.41025641025641e-3, -2.955065359477124e-2, 1.796443723688307e-1, -1.3924322169059,
];
const LOG_TWO_PI = 1.8378770664093453;

/**
 * One draw of numpy's `Generator.poisson(mean)` (numpy/random/src/distributions/distributions.c), uniform for uniform.
 *
 * @param mean - expected value, finite and ≥ 0; 0 draws nothing and gives 0
 * @throws RangeError for any other mean
 */
export function poisson(uniform: UniformSource, mean: number): number {
  if (!(mean >= 0 && mean < Infinity)) {
    throw new RangeError(`Expected the mean of a Poisson distribution to be finite and ≥ 0, got \`${mean}\``);
  }
  if (mean >= TRANSFORMED_REJECTION_FROM) return byTransformedRejection(uniform, mean);
  return mean === 0 ? 0 : byMultiplication(uniform, mean);
}

/** Knuth: the number of uniforms whose product stays above e^−mean. */
function byMultiplication(uniform: UniformSource, mean: number): number {
  const floor = Math.exp(-mean);
  let count = 0;
  for (let product = uniform(); product > floor; product *= uniform()) count++;
  return count;
}

/** Hörmann 1993, "The transformed rejection method for generating Poisson random variables", algorithm PTRS. */
function byTransformedRejection(uniform: UniformSource, mean: number): number {
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const acceptBelow = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = uniform() - 0.5;
    const v = uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= acceptBelow) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const logRatio = Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b);
    if (logRatio <= -mean + k * Math.log(mean) - logGamma(k + 1)) return k;
  }
}

/** ln Γ(x) for an integer x ≥ 1, rounded as numpy rounds it. */
function logGamma(x: number): number {
  if (x === 1 || x === 2) return 0;
  const shift = x < 7 ? 7 - x : 0;
  let x0 = x + shift;
  const inverseSquare = (1 / x0) * (1 / x0);
  const series = STIRLING.reduceRight((sum, coefficient) => sum * inverseSquare + coefficient);
  let value = series / x0 + 0.5 * LOG_TWO_PI + (x0 - 0.5) * Math.log(x0) - x0;
  for (let i = 0; i < shift; i++) {
    x0 -= 1;
    value -= Math.log(x0);
  }
  return value;
}
