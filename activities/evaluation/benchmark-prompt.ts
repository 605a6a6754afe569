import type { BenchmarkSettings, PromptForm } from '../../workflows/contract/recipe.ts';
import type { PromptModel } from '../e-step/prompts.ts';
import type { Problem } from './problem.ts';

/** Where the problem goes in a question's template. */
export const PROBLEM_PLACE = '{problem}';

/** Between a worked example and what follows it. */
const SEPARATOR = '\n\n';

/**
 * How a worked example states its final answer. MATH: the sentence of Minerva's prompt (Lewkowycz et al. 2022, arXiv
 * 2206.14858, appendix D); GSM8K: that of the chain-of-thought prompt (Wei et al. 2022, arXiv 2201.11903).
 */
const FINAL_ANSWER = {
  math: (answer) => `Final Answer: The final answer is $${answer}$. I hope it is correct.`,
  gsm8k: (answer) => `The answer is ${answer}.`,
  jsonl: (answer) => answer,
} as const satisfies Record<BenchmarkSettings['format'], (answer: string) => string>;

/** A part of a prompt: text, encoded by itself, or a marker. */
export type PromptPiece = { readonly text: string } | { readonly marker: keyof PromptModel['markers'] };

/** The question as text. Not `replace`, which reads `$&` in a problem as a pattern. */
function questionText(template: string, problem: string): string {
  return template.split(PROBLEM_PLACE).join(problem);
}

/**
 * What asks one problem: the question's text, in the latent form followed by SOL PRI, so that the model goes on with a
 * thought, EOL and its answer.
 */
export function questionPieces(form: PromptForm, template: string, problem: string): readonly PromptPiece[] {
  const question = { text: questionText(template, problem) };
  return form === 'raw' ? [question] : [question, { marker: 'startOfLatent' }, { marker: 'priorPrefix' }];
}

/**
 * A worked example (BoLT, `configs/eval/task_configs/math_cot/utils.py`):
 *
 *     raw      question ␣solution ⏎ final answer ⏎⏎
 *     latent   question SOL PRI solution EOL ␣final answer ⏎⏎
 *
 * Unlike there the question is worded alike in both forms, so that a raw and a latent model are asked the same.
 * @returns null for a latent example without a solution: there is nothing to put where the thought stands
 */
export function shotPieces(
  form: PromptForm,
  format: BenchmarkSettings['format'],
  template: string,
  shot: Problem,
): readonly PromptPiece[] | null {
  const final = FINAL_ANSWER[format](shot.answer);
  if (form === 'raw') {
    const target = shot.solution === null ? final : `${shot.solution}\n${final}`;
    return [...questionPieces(form, template, shot.problem), { text: ` ${target}${SEPARATOR}` }];
  }
  if (shot.solution === null) return null;
  return [
    ...questionPieces(form, template, shot.problem),
    { text: shot.solution },
    { marker: 'endOfLatent' },
    { text: ` ${final}${SEPARATOR}` },
  ];
}

/** Token ids of pieces: each text encoded by itself, markers as their ids. */
export function pieceIds(
  pieces: readonly PromptPiece[],
  model: PromptModel,
  encode: (text: string) => readonly number[],
): readonly number[] {
  return pieces.flatMap((piece) => ('text' in piece ? encode(piece.text) : [model.markers[piece.marker]]));
}

/** How much of a prompt the model can hold. */
export type PromptFit =
  | {
      readonly kind: 'fits';
      /** Worked examples shown: the first so many. */
      readonly shots: number;
    }
  | {
      readonly kind: 'too-long';
      /** Tokens needed without any example. */
      readonly needed: number;
      /** Tokens there are. */
      readonly limit: number;
    };

/**
 * Fits BOS, worked examples, question and `maxTokens` generated tokens into the context. Examples are given whole or not
 * at all: from the first on, as many as there is room for (the authors' code cuts the prompt's front instead, BOS and
 * half of the examples with it). A question that does not fit alone is too long.
 *
 * @param shots lengths of the examples in tokens, in their order
 * @param question length of the question in tokens
 */
export function fitPrompt(
  contextLength: number,
  shots: readonly number[],
  question: number,
  maxTokens: number,
): PromptFit {
  const needed = 1 + question + maxTokens;
  if (needed > contextLength) return { kind: 'too-long', needed, limit: contextLength };
  let room = contextLength - needed;
  let shown = 0;
  for (const length of shots) {
    room -= length;
    if (room < 0) break;
    shown += 1;
  }
  return { kind: 'fits', shots: shown };
}
