export interface SampleRequest {
  /** Prompt as token ids. */
  readonly prompt: readonly number[];
  /** K, sequences to draw. */
  readonly n: number;
  /** Longest sequence, in tokens, the stop id included. */
  readonly maxTokens: number;
  /** Sequence i is drawn with seed + i. */
  readonly seed: number;
  /** Token id that ends a sequence (EOL). */
  readonly stop: number;
}

/**
 * The settings under which the log probabilities of the sampled ids are log q: nothing between the model's softmax and
 * the draw. Each is sent, since a server takes what is missing from the model's generation_config.json.
 */
export const NEUTRAL_SAMPLING = {
  temperature: 1,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  min_tokens: 0,
  presence_penalty: 0,
  frequency_penalty: 0,
  repetition_penalty: 1,
  // An end of document ends the sequence: a thought with `</s>` in it is no thought, and to sample on behind it is waste.
  ignore_eos: false,
} as const;

/** Ids in, ids out: no decoding rule may change what is counted. */
const IDS_END_TO_END = {
  return_token_ids: true,
  skip_special_tokens: false,
  spaces_between_special_tokens: false,
  add_special_tokens: false,
  echo: false,
  stream: false,
} as const;

/** A request to `/v1/completions` in whole. @param asked what is asked of the model @param model name as served */
export function completionBody(model: string, asked: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...asked, ...IDS_END_TO_END, model };
}

/** Asks for n sequences at temperature 1, with the log probability of every sampled id. */
export function sampleBody(model: string, { prompt, n, maxTokens, seed, stop }: SampleRequest): object {
  const asked = { prompt, n, max_tokens: maxTokens, seed, stop_token_ids: [stop], logprobs: 0 };
  return completionBody(model, { ...NEUTRAL_SAMPLING, ...asked });
}

/** Asks for the log probabilities of the prompts' own ids. */
export function scoreBody(model: string, prompts: readonly (readonly number[])[]): object {
  return completionBody(model, { ...NEUTRAL_SAMPLING, prompt: prompts, n: 1, max_tokens: 1, prompt_logprobs: 0 });
}
