import { describe, expect, test } from 'vitest';
import {
  documentBound,
  documentNll,
  type HeldOutDocument,
  type LikelihoodModel,
} from '../../activities/evaluation/document-likelihood.ts';
import { heldOutMetrics } from '../../activities/evaluation/held-out-metrics.ts';
import { heldOutSeed } from '../../activities/evaluation/held-out-seed.ts';
import { rawSequences } from '../../activities/evaluation/raw-sequences.ts';
import type { ScoredSequence } from '../../activities/e-step/prompts.ts';
import type { Sampled } from '../../activities/vllm/answer.ts';
import { ToyLanguageModel } from '../support/toy-language-model.ts';
import { TOY } from '../support/toy-model.ts';
import { inProcessModel } from '../support/in-process-model.ts';

const VOCABULARY = 12;
const EOL = TOY.markers.endOfLatent;
const model = { beginning: TOY.beginning, end: TOY.end, markers: TOY.markers, contextLength: 64 };
const toy = (favour: number): ToyLanguageModel =>
  new ToyLanguageModel({ vocabularySize: VOCABULARY, seed: 3, favoured: EOL, favour });

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('the raw form of a document', () => {
  const chunks = [[10, 11], [12], [13, 14, 15]];

  test('is scored in one sequence, its text alone, where it fits', () => {
    const whole = [0, 7, 8, 10, 11, 12, 13, 14, 15];
    expect(rawSequences({ beginning: 0, contextLength: 10 }, [7, 8], chunks)).toEqual([{ ids: whole, from: 3 }]);
  });

  test('is scored chunk by chunk where it does not, behind whole earlier chunks as far as they fit', () => {
    expect(rawSequences({ beginning: 0, contextLength: 9 }, [7, 8], chunks)).toEqual([
      { ids: [0, 7, 8, 10, 11], from: 3 },
      { ids: [0, 7, 8, 10, 11, 12], from: 5 },
      { ids: [0, 10, 11, 12, 13, 14, 15], from: 4 },
    ]);
    expect(rawSequences({ beginning: 0, contextLength: 6 }, [7, 8], chunks)).toEqual([
      { ids: [0, 7, 8, 10, 11], from: 3 },
      { ids: [0, 10, 11, 12], from: 3 },
      { ids: [0, 12, 13, 14, 15], from: 2 },
    ]);
  });

  test('has no score when a chunk does not fit alone', () => {
    expect(rawSequences({ beginning: 0, contextLength: 5 }, [7, 8], chunks)).not.toBeNull();
    expect(rawSequences({ beginning: 0, contextLength: 4 }, [7, 8], chunks)).toBeNull();
  });

  test('has the exact NLL of the model, context, BOS and end of document left out', async () => {
    const language = toy(1.5);
    const document = { context: [7, 8], chunks: [[9, 10], [11]] };
    const nll = await documentNll(inProcessModel(language), model, document);
    expect(nll).toBeCloseTo(-sum(language.score([0, 7, 8, 9, 10, 11], 3)), 10);
  });
});

describe('the bound of a document', () => {
  const settings = { fidelity: 'corrected', samples: 4, maxThoughtTokens: 2, seed: (chunk: number) => chunk } as const;
  const document: HeldOutDocument = { context: [7], chunks: [[9, 10]] };

  /** Every outcome of a proposal of at most two tokens, closed with EOL, and the model's probability of it with the text. */
  function closedThoughts(language: ToyLanguageModel): number {
    const ids = Array.from({ length: VOCABULARY }, (_, id) => id);
    const closed: number[][] = [];
    for (const first of ids) {
      if (first === EOL) closed.push([EOL]);
      else if (first === TOY.end) closed.push([first, EOL]);
      else for (const second of ids) closed.push(second === EOL ? [first, EOL] : [first, second, EOL]);
    }
    const { startOfLatent, priorPrefix } = TOY.markers;
    const prefix = [0, 7, startOfLatent, priorPrefix];
    return sum(closed.map((thought) => Math.exp(sum(language.score([...prefix, ...thought, 9, 10], prefix.length)))));
  }

  test.each([
    ['thoughts mostly end', 1.5],
    ['thoughts hardly ever end within the limit', -4],
  ])('is unbiased for the probability of the text with a thought: %s', async (_, favour) => {
    const language = toy(favour);
    const exact = closedThoughts(language);
    const draws = 4_000;
    const estimates: number[][] = [];
    for (let draw = 0; draw < draws; draw += 1) {
      const seed = (): number => heldOutSeed({ seed: 5, iteration: 1, document: draw, chunk: 0 });
      const { elbo } = await documentBound(inProcessModel(language), model, document, { ...settings, seed });
      expect(elbo?.every(Number.isFinite)).toBe(true);
      estimates.push((elbo ?? []).map(Math.exp));
    }
    const meanLog: number[] = [];
    for (const n of [0, 3]) {
      const values = estimates.map((row) => row[n] ?? Number.NaN);
      const mean = sum(values) / draws;
      const error = Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / draws / draws);
      expect(Math.abs(mean - exact)).toBeLessThan(4 * error);
      meanLog.push(sum(values.map(Math.log)) / draws);
    }
    // Jensen: tighter in n, never above log p.
    expect(meanLog[0]).toBeLessThan(meanLog[1] ?? Number.NaN);
    expect(meanLog[1]).toBeLessThan(Math.log(exact));
  });

  /** A model that gives these thoughts, one log probability of −1 a token, and scores of −1 a token. */
  function given(thoughts: readonly Pick<Sampled, 'tokenIds' | 'finish'>[]): {
    readonly server: LikelihoodModel;
    readonly prompts: (readonly number[])[];
    readonly scored: ScoredSequence[];
  } {
    const prompts: (readonly number[])[] = [];
    const scored: ScoredSequence[] = [];
    const server: LikelihoodModel = {
      sample: ({ prompt }) => {
        prompts.push(prompt);
        return Promise.resolve(
          thoughts.map((thought) => ({ ...thought, logprobs: thought.tokenIds.map(() => -1), text: '' })),
        );
      },
      score: (sequences) => {
        scored.push(...sequences);
        return Promise.resolve(sequences.map(({ ids, from }) => ids.slice(from).map(() => -1)));
      },
    };
    return { server, prompts, scored };
  }
  const { startOfLatent, endOfLatent, priorPrefix, posteriorPrefix } = TOY.markers;
  const thoughts = [
    { tokenIds: [8, EOL], finish: 'stop' },
    { tokenIds: [8, 9], finish: 'length' },
    { tokenIds: [TOY.end], finish: 'end' },
  ] as const;

  test('scores every draw, one that did not end closed with EOL', async () => {
    const { server, prompts, scored } = given(thoughts);
    const bound = await documentBound(server, model, document, settings);
    expect(prompts).toEqual([[0, 7, startOfLatent, endOfLatent, 9, 10, startOfLatent, posteriorPrefix]]);
    const behind = (thought: number[]): ScoredSequence => ({
      ids: [0, 7, startOfLatent, priorPrefix, ...thought, endOfLatent, 9, 10],
      from: 4,
    });
    expect(scored).toEqual([behind([8]), behind([8, 9]), behind([TOY.end])]);
    // log w = −4 + 2, −5 + 2, −4 + 1.
    const logMean = (values: number[]): number => Math.log(sum(values.map(Math.exp)) / values.length);
    expect(bound.elbo?.[0]).toBeCloseTo(-2, 10);
    expect(bound.elbo?.[1]).toBeCloseTo(logMean([-2, -3]), 10);
    expect(bound.elbo?.[2]).toBeCloseTo(logMean([-2, -3, -3]), 10);
    expect(bound.sampledTokens).toBe(5);
  });

  test('adds up over the chunks, each behind all text before it', async () => {
    const { server, prompts } = given([{ tokenIds: [8, EOL], finish: 'stop' }]);
    const chunks = [[9], [10], [11]];
    const bound = await documentBound(server, model, { context: [7], chunks }, { ...settings, samples: 1 });
    expect(prompts.map((ids) => ids.slice(0, ids.indexOf(startOfLatent)))).toEqual([
      [0, 7],
      [0, 7, 9],
      [0, 7, 9, 10],
    ]);
    // log p of Z, EOL, X less log q of Z, EOL: −1 a chunk.
    expect(bound).toEqual({ elbo: [-3], sampledTokens: 6 });
  });

  test('takes thoughts and prompts as the released code does where the recipe says so', async () => {
    const { server, prompts, scored } = given(thoughts);
    const bound = { ...settings, fidelity: 'released' } as const;
    await documentBound(server, model, { context: [], chunks: [[9, 10]] }, bound);
    expect(prompts).toEqual([[0, 9, 10, startOfLatent, posteriorPrefix]]);
    expect(scored[0]).toEqual({ ids: [0, startOfLatent, priorPrefix, 8, endOfLatent, 9, 10], from: 2 });
    expect(scored[2]).toEqual({ ids: [0, startOfLatent, priorPrefix, endOfLatent, 9, 10], from: 2 });
  });

  test('is missing when the model cannot hold a chunk with a thought; nothing is sampled then', async () => {
    const { server, prompts } = given(thoughts);
    const short = { ...model, contextLength: 8 };
    const bound = await documentBound(server, short, { context: [], chunks: [[9], [10, 11]] }, settings);
    expect(bound).toEqual({ elbo: null, sampledTokens: 0 });
    expect(prompts).toEqual([]);
  });
});

test('a seed belongs to run, iteration, document and chunk', () => {
  const place = { seed: 1, iteration: 2, document: 3, chunk: 4 };
  const seeds = [
    place,
    { ...place, seed: 2 },
    { ...place, iteration: 3 },
    { ...place, document: 4 },
    { ...place, chunk: 5 },
    { ...place, document: 34, chunk: 0 },
    { ...place, document: 3, chunk: 40 },
  ].map(heldOutSeed);
  expect(new Set(seeds).size).toBe(seeds.length);
  expect(heldOutSeed(place)).toBe(seeds[0]);
  expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0 && seed < 2 ** 48)).toBe(true);
});

describe('held-out metrics', () => {
  const row = (
    document: number,
    tokens: number,
    nll: number,
    elbo: number[] | null,
  ): Parameters<typeof heldOutMetrics>[0][number] => ({
    document,
    tokens,
    nll,
    elbo,
    sampledTokens: elbo === null ? 0 : 10,
  });
  const value = (metrics: ReturnType<typeof heldOutMetrics>, name: string): unknown =>
    metrics.find((metric) => metric.name === name);

  test('are means over documents with their standard errors, and nats over all tokens', () => {
    const metrics = heldOutMetrics([row(0, 2, 4, [-6, -5]), row(1, 4, 8, [-10, -9]), row(2, 6, 9, null)], 5);
    expect(value(metrics, 'nll')).toEqual({ name: 'nll', value: 7, standardError: Math.sqrt(7 / 3), n: 3 });
    // Residuals 4 − 3.5, 8 − 7, 9 − 10.5 at 1.75 a token; mean length 4.
    expect(value(metrics, 'nllPerToken')).toEqual({
      name: 'nllPerToken',
      value: 1.75,
      standardError: Math.sqrt(3.5 / 2 / 3) / 4,
      n: 3,
    });
    expect(value(metrics, 'elbo1')).toEqual({ name: 'elbo1', value: -8, standardError: 2, n: 2 });
    expect(value(metrics, 'elbo2')).toEqual({ name: 'elbo2', value: -7, standardError: 2, n: 2 });
    expect(value(metrics, 'elbo')).toEqual({ name: 'elbo', value: -7, standardError: 2, n: 2 });
    expect(value(metrics, 'sampledTokens')).toEqual({ name: 'sampledTokens', value: 20, standardError: null, n: 3 });
    expect(value(metrics, 'notMeasured')).toEqual({ name: 'notMeasured', value: 2, standardError: null, n: 5 });
  });

  test('of a model without thoughts have no bound; of one document no standard error', () => {
    const metrics = heldOutMetrics([row(0, 2, 4, null)], 1);
    expect(metrics.some(({ name }) => name.startsWith('elbo'))).toBe(false);
    expect(value(metrics, 'nll')).toEqual({ name: 'nll', value: 4, standardError: null, n: 1 });
  });
});
