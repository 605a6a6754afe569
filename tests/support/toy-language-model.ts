import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** A generator whose stream is unrelated to that of any other seed, however near. */
export function uniforms(seed: string | number): () => number {
  const hash = createHash('sha256').update(String(seed)).digest();
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => hash.readInt32BE(offset)));
  return () => uniformFloat64(generator);
}

export interface ToySettings {
  readonly vocabularySize: number;
  /** Seed of the tables: the model's weights. */
  readonly seed: number;
  /** Added to the logit of this id, so that thoughts end: EOL. */
  readonly favoured: number;
  readonly favour: number;
}

/** How far back the model looks, in tokens. */
const REACH = 3;

/**
 * A language model whose every probability is known: the logits of the next token are the sum of one seeded table each
 * for the last, the last but one and the last but two tokens. So the chunk depends on the thought before it, and p and q
 * of short sequences can be added up exactly over all thoughts.
 */
export class ToyLanguageModel {
  readonly settings: ToySettings;
  /** One table a distance: [previous · V + next]. */
  readonly #tables: readonly Float32Array[];
  readonly #cache = new Map<string, Float64Array>();

  constructor(settings: ToySettings) {
    this.settings = settings;
    const size = settings.vocabularySize;
    this.#tables = Array.from({ length: REACH }, (_, distance) => {
      const draw = uniforms(`table/${settings.seed}/${distance}`);
      return Float32Array.from({ length: size * size }, () => (draw() * 2 - 1) * 1.5);
    });
  }

  /** Log probabilities of every next token, nats. */
  next(ids: readonly number[]): Float64Array {
    const size = this.settings.vocabularySize;
    const key = ids.slice(-REACH).join(' ');
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const logits = new Float64Array(size);
    for (let distance = 0; distance < REACH && distance < ids.length; distance += 1) {
      const row = (ids[ids.length - 1 - distance] ?? 0) * size;
      const table = this.#tables[distance] ?? new Float32Array(0);
      for (let token = 0; token < size; token += 1) logits[token] = (logits[token] ?? 0) + (table[row + token] ?? 0);
    }
    const { favoured, favour } = this.settings;
    logits[favoured] = (logits[favoured] ?? 0) + favour;
    const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
    const logprobs = logits.map((logit) => logit - total);
    if (this.#cache.size < 50_000) this.#cache.set(key, logprobs);
    return logprobs;
  }

  /** Log probabilities of `ids[from]` … given all before them, nats. */
  score(ids: readonly number[], from: number): number[] {
    return ids.slice(from).map((id, offset) => this.next(ids.slice(0, from + offset))[id] ?? -Infinity);
  }

  /** Draws one token; `uniform` in [0, 1). */
  draw(ids: readonly number[], uniform: number): { id: number; logprob: number } {
    const logprobs = this.next(ids);
    let cumulative = 0;
    for (const [id, logprob] of logprobs.entries()) {
      cumulative += Math.exp(logprob);
      if (cumulative > uniform) return { id, logprob };
    }
    const id = logprobs.length - 1;
    return { id, logprob: logprobs[id] ?? 0 };
  }
}
