import { expect, test } from 'vitest';
import { resample } from '../../activities/e-step/resample.ts';
import { selectionDraw } from '../../activities/e-step/seeds.ts';
import { select } from '../../activities/e-step/selection.ts';
import { weigh } from '../../activities/e-step/weights.ts';

const place = { seed: 4, iteration: 1, document: 2, chunk: 3 };

test('the choice is that of the E-step for the same candidates and place', () => {
  const candidates = [
    { logP: -3, logQ: -1 },
    { logP: -2, logQ: -1 },
    { logP: -2, logQ: -0.5 },
  ];
  for (let document = 0; document < 200; document += 1) {
    const at = { ...place, document };
    expect(resample(candidates, at)).toBe(select(weigh(candidates).probabilities, selectionDraw(at)));
  }
});

test('a candidate that is not eligible is never chosen, and of none there is no choice', () => {
  expect(resample([null, { logP: -2, logQ: -1 }], place)).toBe(1);
  expect(resample([null, null], place)).toBeNull();
  expect(resample([], place)).toBeNull();
});
