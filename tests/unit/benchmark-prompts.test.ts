import { describe, expect, test } from 'vitest';
import { planBenchmark } from '../../activities/evaluation/benchmark-plan.ts';
import { fitPrompt } from '../../activities/evaluation/benchmark-prompt.ts';
import { gradedText } from '../../activities/evaluation/graded-text.ts';
import type { Problem } from '../../activities/evaluation/problem.ts';
import type { ExpectedModel } from '../../activities/vllm/admission.ts';
import { SpecialTokenInTextError } from '../../activities/vllm/tokenizer.ts';
import type { BenchmarkSettings } from '../../workflows/contract/recipe.ts';

const MARKERS = { startOfLatent: 3, endOfLatent: 4, priorPrefix: 5, posteriorPrefix: 6 };

/** One id a character, 1000 + its code. */
const ids = (text: string): number[] => [...text].map((character) => 1000 + (character.codePointAt(0) ?? 0));

function model(contextLength = 10_000): ExpectedModel {
  return {
    description: { beginning: 0, end: 1, markers: MARKERS, vocabularySize: 70_000, contextLength },
    fingerprint: { ids: [[0, 1]], logprobs: [[-1]], dtype: 'float32' },
    tokenizer: {
      encode: (text) => {
        if (text.includes('<|')) throw new SpecialTokenInTextError(3, '<|');
        return ids(text);
      },
      decode: (tokens) => tokens.map((id) => (id < 1000 ? `<${id}>` : String.fromCodePoint(id - 1000))).join(''),
    },
  };
}

const benchmark: BenchmarkSettings = {
  name: 'sums',
  file: 'test.jsonl',
  digest: '',
  format: 'jsonl',
  question: 'Q: {problem}\nA:',
  shots: { file: 'shots.jsonl', digest: '', count: 2 },
  grader: 'exact',
  stop: [],
  limit: null,
  maxTokens: 8,
};

const problem = (index: number, text: string, answer: string, solution: string | null = null): Problem => {
  return { index, problem: text, answer, solution };
};
const PROBLEMS = [problem(0, '1+1?', '2'), problem(1, '2+2?', '4')];
const EXAMPLES = [problem(0, '3+3?', '6', 'six'), problem(1, '4+4?', '8', 'eight'), problem(2, '5+5?', '10', 'ten')];

describe('the prompt of a problem', () => {
  test('raw: plain text, each piece encoded by itself', () => {
    const plan = planBenchmark(benchmark, 'raw', model(), PROBLEMS, EXAMPLES);
    expect(plan.shots).toEqual([
      [...ids('Q: 3+3?\nA:'), ...ids(' six\n6\n\n')],
      [...ids('Q: 4+4?\nA:'), ...ids(' eight\n8\n\n')],
    ]);
    expect(plan.problems[1]?.question).toEqual(ids('Q: 2+2?\nA:'));
  });

  test('latent: the question ends with SOL PRI; an example has its solution as the thought, then EOL and the answer', () => {
    const plan = planBenchmark(benchmark, 'latent', model(), PROBLEMS, EXAMPLES);
    expect(plan.shots[0]).toEqual([...ids('Q: 3+3?\nA:'), 3, 5, ...ids('six'), 4, ...ids(' 6\n\n')]);
    expect(plan.problems[0]?.question).toEqual([...ids('Q: 1+1?\nA:'), 3, 5]);
  });

  test.each([
    ['math', ' Final Answer: The final answer is $6$. I hope it is correct.\n\n'],
    ['gsm8k', ' The answer is 6.\n\n'],
  ] as const)("an example of format %s states its answer in that benchmark's words", (format, words) => {
    const plan = planBenchmark({ ...benchmark, format }, 'latent', model(), PROBLEMS, EXAMPLES);
    expect(plan.shots[0]).toEqual([...ids('Q: 3+3?\nA:'), 3, 5, ...ids('six'), 4, ...ids(words)]);
  });

  test('a problem is put into the template as it is', () => {
    const odd = problem(0, "$& $1 $' {problem}", '2');
    const plan = planBenchmark({ ...benchmark, shots: null }, 'raw', model(), [odd], []);
    expect(plan.problems[0]?.question).toEqual(ids("Q: $& $1 $' {problem}\nA:"));
  });

  test('only the first `limit` problems are asked', () => {
    expect(planBenchmark({ ...benchmark, limit: 1 }, 'raw', model(), PROBLEMS, []).problems).toHaveLength(1);
    expect(planBenchmark({ ...benchmark, limit: 9 }, 'raw', model(), PROBLEMS, []).problems).toHaveLength(2);
  });
});

describe('examples that do not fit are left out whole, the last first', () => {
  const question = 10;
  const shots = [20, 30, 40];
  // BOS, the question and 9 generated tokens take 20.
  test.each([
    [110, 3],
    [109, 2],
    [70, 2],
    [69, 1],
    [40, 1],
    [39, 0],
    [20, 0],
  ])('a context of %d tokens holds %d', (contextLength, shown) => {
    expect(fitPrompt(contextLength, shots, question, 9)).toEqual({ kind: 'fits', shots: shown });
  });

  test('a problem that does not fit alone is too long', () => {
    expect(fitPrompt(19, shots, question, 9)).toEqual({ kind: 'too-long', needed: 20, limit: 19 });
  });
});

describe('a benchmark that cannot be asked as written is refused', () => {
  test.each([
    ['a template without a place for the problem', { question: 'Q:' }, EXAMPLES, PROBLEMS, /\{problem\}/],
    ['an example that is one of the problems', {}, [PROBLEMS[1] as Problem], PROBLEMS, /shots\.jsonl, example 2/],
    ['an example without a solution', {}, [problem(0, '9?', '9')], PROBLEMS, /`solution`.*shots\.jsonl, example 1/],
    ['a marker in a problem', {}, EXAMPLES, [problem(6, '<|', '9')], /test\.jsonl, problem 7/],
  ])('%s', (_, settings, examples, problems, message) => {
    expect(() => planBenchmark({ ...benchmark, ...settings }, 'latent', model(), problems, examples)).toThrowError(
      message,
    );
  });

  test('a raw example needs no solution', () => {
    const plan = planBenchmark(benchmark, 'raw', model(), PROBLEMS, [problem(0, '9?', '9')]);
    expect(plan.shots).toEqual([[...ids('Q: 9?\nA:'), ...ids(' 9\n\n')]]);
  });
});

describe('the text that is graded', () => {
  const { description, tokenizer } = model();
  const decode = (tokens: readonly number[]): string => tokenizer.decode(tokens);
  const latent = { form: 'latent', model: description, decode, stop: ['Q:'] } as const;

  test('latent: what stands behind EOL, up to the end, a new thought or a stop text', () => {
    const thought = ids('hm Q: 5');
    expect(gradedText([...thought, 4, ...ids(' six'), 1], latent)).toBe(' six');
    expect(gradedText([...thought, 4, ...ids(' six'), 3, 5, ...ids('x'), 4], latent)).toBe(' six');
    expect(gradedText([...thought, 4, ...ids(' six\nQ: 1+')], latent)).toBe(' six\n');
    expect(gradedText([4], latent)).toBe('');
  });

  test('latent: a thought without EOL never came to an answer', () => {
    expect(gradedText([...ids('six'), 1], latent)).toBeNull();
    expect(gradedText([], latent)).toBeNull();
  });

  test('raw: all of it, up to the end or a stop text', () => {
    expect(gradedText([...ids(' six'), 1], { ...latent, form: 'raw' })).toBe(' six');
    expect(gradedText(ids(' six\n\nQ: 7'), { ...latent, form: 'raw' })).toBe(' six\n\n');
  });
});
