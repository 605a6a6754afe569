import { describe, expect, it } from 'vitest';
import { hopeless } from '../../workflows/contract/rejections.ts';

describe('an E-step is hopeless', () => {
  it('once more are rejected than may be of all, however small the sample', () => {
    expect(hopeless({ chunks: 20, rejected: 10 }, 1_000, 0.01)).toBe(false);
    expect(hopeless({ chunks: 20, rejected: 11 }, 1_000, 0.01)).toBe(true);
    expect(hopeless({ chunks: 1, rejected: 1 }, 1_000, 0)).toBe(true);
  });

  it('when the rate lies far above the limit on a sample that is large enough', () => {
    expect(hopeless({ chunks: 499, rejected: 250 }, 10_000, 0.05)).toBe(false);
    expect(hopeless({ chunks: 500, rejected: 250 }, 10_000, 0.05)).toBe(true);
    // 500 chunks of ten million may be a stretch of odd documents; a fiftieth of all is not.
    expect(hopeless({ chunks: 500, rejected: 500 }, 10_000_000, 0.05)).toBe(false);
    expect(hopeless({ chunks: 200_000, rejected: 20_000 }, 10_000_000, 0.05)).toBe(true);
  });

  it('not at a rate within the limit, nor at one that chance may have put above it', () => {
    for (const chunks of [500, 5_000, 50_000]) {
      expect(hopeless({ chunks, rejected: chunks / 20 }, 100_000, 0.05)).toBe(false);
    }
    expect(hopeless({ chunks: 500, rejected: 40 }, 100_000, 0.05)).toBe(false);
    expect(hopeless({ chunks: 0, rejected: 0 }, 100_000, 0.05)).toBe(false);
  });

  it('never when all may be rejected', () => {
    expect(hopeless({ chunks: 1_000, rejected: 1_000 }, 1_000, 1)).toBe(false);
  });

  it('in one of a thousand runs at most at a rate on the limit, looked at after every hundred chunks', () => {
    let state = 1;
    const draw = (): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    let stopped = 0;
    for (let run = 0; run < 1_000; run++) {
      let rejected = 0;
      for (let chunks = 8; chunks <= 4_000; chunks += 8) {
        // Whole documents of eight chunks are rejected together.
        if (draw() < 0.05) rejected += 8;
        if (chunks % 200 === 0 && hopeless({ chunks, rejected }, 8_000, 0.05)) {
          stopped += 1;
          break;
        }
      }
    }
    expect(stopped).toBeLessThanOrEqual(1);
  });
});
