import type { ChunkPrompts } from '../../activities/e-step/prompts.ts';
import type { ToyLanguageModel } from './toy-language-model.ts';
import { TOY } from './toy-model.ts';

/** A thought that ends by EOL within the limit, and its exact probabilities. */
export interface ExactThought {
  readonly ids: readonly number[];
  /** log q(Z EOL | propose prompt), nats. */
  readonly logQ: number;
  /** log p(Z EOL X | prefix), nats. */
  readonly logP: number;
}

/** Every thought of at most `maxThought` tokens, EOL included, with its exact log q and log p. */
export function exactThoughts(language: ToyLanguageModel, prompts: ChunkPrompts, maxThought: number): ExactThought[] {
  const endings: readonly number[] = [TOY.end, TOY.markers.endOfLatent];
  const inner = Array.from({ length: language.settings.vocabularySize }, (_, id) => id).filter(
    (id) => !endings.includes(id),
  );
  let open: number[][] = [[]];
  const all: number[][] = [[]];
  for (let length = 1; length < maxThought; length += 1) {
    open = open.flatMap((thought) => inner.map((id) => [...thought, id]));
    all.push(...open);
  }
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return all.map((ids) => {
    const proposed = [...prompts.propose, ...ids, TOY.markers.endOfLatent];
    const [joint] = prompts.score([ids]);
    if (joint === undefined) throw new Error('Expected one joint sequence, got none');
    return {
      ids,
      logQ: sum(language.score(proposed, prompts.propose.length)),
      logP: sum(language.score(joint.ids, joint.from)),
    };
  });
}

/** Pearson's statistic and its degrees of freedom; cells with an expected count under 5 are put together. */
export function chiSquare(
  observed: readonly number[],
  probabilities: readonly number[],
): { statistic: number; freedom: number } {
  const total = observed.reduce((sum, count) => sum + count, 0);
  let statistic = 0;
  let cells = 0;
  let rest = { observed: 0, expected: 0 };
  const add = (seen: number, expected: number): void => {
    statistic += (seen - expected) ** 2 / expected;
    cells += 1;
  };
  for (const [index, probability] of probabilities.entries()) {
    const expected = probability * total;
    if (expected >= 5) add(observed[index] ?? 0, expected);
    else rest = { observed: rest.observed + (observed[index] ?? 0), expected: rest.expected + expected };
  }
  if (rest.expected > 0) add(rest.observed, rest.expected);
  return { statistic, freedom: cells - 1 };
}
