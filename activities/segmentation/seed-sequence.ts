/** Constants of numpy's SeedSequence (numpy/random/bit_generator.pyx, after M. E. O'Neill's `seed_seq_fe`). */
const POOL_WORDS = 4;
const INIT_A = 0x43b0d7e5;
const MULT_A = 0x931e8875;
const INIT_B = 0x8b51f9dd;
const MULT_B = 0x58f38ded;
const MIX_LEFT = 0xca01f9dd;
const MIX_RIGHT = 0x4973f715;

/**
 * The first words of `np.random.SeedSequence(seed).generate_state(words)`.
 *
 * @param seed - integer in [0, 2³²)
 * @returns `words` integers in [0, 2³²)
 */
export function seedWords(seed: number, words: number): Uint32Array {
  const pool = entropyPool(seed);
  const state = new Uint32Array(words);
  let hash = INIT_B;
  for (let i = 0; i < words; i++) {
    let value = (pool[i % POOL_WORDS] ?? 0) ^ hash;
    hash = Math.imul(hash, MULT_B);
    value = Math.imul(value, hash);
    state[i] = value ^ (value >>> 16);
  }
  return state;
}

function entropyPool(seed: number): Uint32Array {
  let hash = INIT_A;
  const hashed = (word: number): number => {
    let value = word ^ hash;
    hash = Math.imul(hash, MULT_A);
    value = Math.imul(value, hash);
    return value ^ (value >>> 16);
  };
  const pool = new Uint32Array(POOL_WORDS);
  for (let i = 0; i < POOL_WORDS; i++) pool[i] = hashed(i === 0 ? seed : 0);
  for (let source = 0; source < POOL_WORDS; source++) {
    for (let target = 0; target < POOL_WORDS; target++) {
      if (source === target) continue;
      const right = hashed(pool[source] ?? 0);
      const value = Math.imul(MIX_LEFT, pool[target] ?? 0) - Math.imul(MIX_RIGHT, right);
      pool[target] = value ^ (value >>> 16);
    }
  }
  return pool;
}
