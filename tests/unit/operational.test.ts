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
    expect(refusal(set)).toBeUndefined();
    const changed = withSettings(tinyRecipe(), set);
    expect(changed.eStep.concurrency).toBe(8);
    expect(changed.fleet.servers).toBe(3);
    expect(changed.eStep.samples).toBe(tinyRecipe().eStep.samples);
  });

  it.each(['e-step.samples', 'seed', 'segmentation.seed', 'm-step.learning_rate', 'no.such'])(
    'refuses %s and points to another run',
    (path) => {
      expect(refusal({ [path]: 1 })).toMatch(/another run/);
    },
  );

  it.each([
    ['e-step.concurrency', 'eight'],
    ['e-step.concurrency', -1],
    ['e-step.concurrency', 2.5],
    ['e-step.max_rejected', 1.5],
    ['e-step.keep', 'some'],
    ['m-step.checkpoint_every', 0],
    ['fleet.max_num_seqs', 'many'],
    ['fleet.servers', 0],
    ['evaluation.required', 1],
    ['fleet.arguments', '--x'],
    ['fleet.arguments', [1]],
  ])('refuses %s = %j: no value that a recipe may have there', (path, value) => {
    expect(refusal({ [path]: value })).toMatch(/Expected/);
  });

  it('refuses batches of no shards, with which a batch would never end', () => {
    expect(refusal({ 'e-step.shards_per_batch': 0 })).toMatch(/a whole number ≥ 1, found 0/);
  });

  it('lets what has a default go back to it', () => {
    expect(refusal({ 'fleet.max_num_seqs': null, 'fleet.kv_cache_gigabytes': null })).toBeUndefined();
  });
});
