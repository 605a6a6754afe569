const SAMPLING =
  'thoughts are sampled at temperature 1 with no truncation and no penalties, since otherwise the logprobs are not log q ' +
  'and the importance weights are wrong; remove the key';

/** Keys that people expect and that a recipe must not have, with the reason. */
export const REFUSED_KEYS: Readonly<Record<string, string>> = {
  temperature: SAMPLING,
  topP: SAMPLING,
  topK: SAMPLING,
  minP: SAMPLING,
  presencePenalty: SAMPLING,
  frequencyPenalty: SAMPLING,
  repetitionPenalty: SAMPLING,
  stop: 'a thought ends at EOL alone, which is what its probability is computed for; remove the key',
};
