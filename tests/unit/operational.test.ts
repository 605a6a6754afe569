import { describe, expect, it } from 'vitest';
import { contractPath, refusal, withSettings } from '../../workflows/operational.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

describe('operational settings', () => {
  it('reads paths as recipes write them', () => {
    expect(contractPath('e-step.max_rejected')).toBe('eStep.maxRejected');
    expect(contractPath('fleet.servers')).toBe('fleet.servers');
  });

  it('lets concurrency, timeouts and fleet size change under way', () => {
    const set = { 'e-step.concurrency': 8, 'fleet.servers': 3 };
    expect(refusal(tinyRecipe(), set)).toBeUndefined();
    const changed = withSettings(tinyRecipe(), set);
    expect(changed.eStep.concurrency).toBe(8);
    expect(changed.fleet.servers).toBe(3);
    expect(changed.eStep.samples).toBe(tinyRecipe().eStep.samples);
  });

  it.each(['e-step.samples', 'seed', 'segmentation.seed', 'm-step.learning_rate', 'no.such'])(
    'refuses %s with a pointer to fork',
    (path) => {
      expect(refusal(tinyRecipe(), { [path]: 1 })).toMatch(/fork/);
    },
  );

  it.each([
    ['e-step.concurrency', 'eight'],
    ['e-step.concurrency', -1],
    ['evaluation.required', 1],
    ['fleet.arguments', '--x'],
  ])('refuses %s = %j: another kind of value', (path, value) => {
    expect(refusal(tinyRecipe(), { [path]: value })).toMatch(/Expected/);
  });
});
