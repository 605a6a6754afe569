import type { Fidelity } from '../../workflows/contract/recipe.ts';

/**
 * How a sampled sequence ended: `stop` by EOL, `end` by the model's end of document, `length` at the limit. Only `stop`
 * is a finished thought.
 */
export type ThoughtFinish = 'stop' | 'end' | 'length';

/**
 * Whether a candidate takes part in the choice. Corrected: only a thought that ended by its own EOL, since log q of any
 * other lacks the factor that log p has. Released: all (the authors' code appends EOL to whatever there is).
 */
export function isEligible(fidelity: Fidelity, finish: ThoughtFinish): boolean {
  return fidelity === 'released' || finish === 'stop';
}

/** The thought itself: the sampled ids without the EOL or end-of-document that ended them. */
export function thoughtIds(tokenIds: readonly number[], finish: ThoughtFinish): readonly number[] {
  return finish === 'length' ? tokenIds : tokenIds.slice(0, -1);
}
