/** The parts of an answer of GSM8K (Cobbe et al. 2021, arXiv 2110.14168). */
export interface Gsm8kAnswer {
  /** The human solution without its `<<48/2=24>>` annotations for a calculator; '' where there is none. */
  readonly steps: string;
  readonly final: string;
}

/** Takes `steps`, `#### final` apart; null without a final answer. */
export function gsm8kAnswer(answer: string): Gsm8kAnswer | null {
  const mark = answer.lastIndexOf('####');
  const final = mark < 0 ? '' : answer.slice(mark + '####'.length).trim();
  if (final === '') return null;
  const steps = answer.slice(0, mark).replace(/<<[^<>]*>>/g, '');
  return { steps: steps.trim(), final };
}
