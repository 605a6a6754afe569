import type { LikelihoodModel } from '../../activities/evaluation/document-likelihood.ts';
import type { Sampled } from '../../activities/vllm/answer.ts';
import { uniforms, type ToyLanguageModel } from './toy-language-model.ts';
import { TOY } from './toy-model.ts';

/** A toy model without a server between; it draws what the fake server draws for the same seed. */
export function inProcessModel(language: ToyLanguageModel): LikelihoodModel {
  return {
    sample: ({ prompt, n, maxTokens, seed, stop }) => {
      const thoughts = Array.from({ length: n }, (_, index): Sampled => {
        const draw = uniforms(seed + index);
        const tokenIds: number[] = [];
        const logprobs: number[] = [];
        while (tokenIds.length < maxTokens) {
          const { id, logprob } = language.draw([...prompt, ...tokenIds], draw());
          tokenIds.push(id);
          logprobs.push(logprob);
          if (id === stop || id === TOY.end)
            return { tokenIds, logprobs, finish: id === stop ? 'stop' : 'end', text: '' };
        }
        return { tokenIds, logprobs, finish: 'length', text: '' };
      });
      return Promise.resolve(thoughts);
    },
    score: (sequences) => Promise.resolve(sequences.map(({ ids, from }) => language.score(ids, from))),
  };
}
