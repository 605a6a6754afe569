import type { PromptForm } from '../../workflows/contract/recipe.ts';
import type { PromptModel } from '../e-step/prompts.ts';

/** What decides where a completion's answer stands. */
export interface CompletionReading {
  readonly form: PromptForm;
  readonly model: Pick<PromptModel, 'markers'> & { readonly end: number };
  readonly decode: (ids: readonly number[]) => string;
  /** Texts that end a completion; they and what is behind them are no part of it. */
  readonly stop: readonly string[];
}

function cutAtStop(text: string, stop: readonly string[]): string {
  const places = stop.map((string) => text.indexOf(string)).filter((place) => place >= 0);
  return places.length === 0 ? text : text.slice(0, Math.min(...places));
}

/**
 * The text of a completion that is graded: raw, all of it; latent, what stands behind the first EOL, up to the next SOL.
 * Read from the ids, since the text of a marker could also be written out by ordinary tokens.
 *
 * @param ids generated ids, with the token that ended them
 * @returns null when a latent completion has no EOL: its thought never came to an answer
 */
export function gradedText(ids: readonly number[], reading: CompletionReading): string | null {
  const { form, model, decode, stop } = reading;
  let answer = ids;
  if (form === 'latent') {
    const thoughtEnd = ids.indexOf(model.markers.endOfLatent);
    if (thoughtEnd < 0) return null;
    answer = ids.slice(thoughtEnd + 1);
    const next = answer.indexOf(model.markers.startOfLatent);
    if (next >= 0) answer = answer.slice(0, next);
  }
  const end = answer.indexOf(model.end);
  if (end >= 0) answer = answer.slice(0, end);
  return cutAtStop(decode(answer), stop);
}
