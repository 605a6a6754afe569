import type { SampleRequest } from '../../activities/vllm/client.ts';

const COMMON = {
  temperature: 1,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  min_tokens: 0,
  presence_penalty: 0,
  frequency_penalty: 0,
  repetition_penalty: 1,
  ignore_eos: false,
};
const FORM = {
  return_token_ids: true,
  skip_special_tokens: false,
  spaces_between_special_tokens: false,
  add_special_tokens: false,
  echo: false,
  stream: false,
};

/** The body that the product's client sends to sample; bare clients send the same. */
export function sampleBody(model: string, { prompt, n, maxTokens, seed, stop }: SampleRequest): object {
  const asked = { prompt, n, max_tokens: maxTokens, seed, stop_token_ids: [stop], logprobs: 0 };
  return { ...COMMON, ...asked, ...FORM, model };
}

/** The body that the product's client sends to score. */
export function scoreBody(model: string, sequences: readonly (readonly number[])[]): object {
  return { ...COMMON, prompt: sequences, n: 1, max_tokens: 1, prompt_logprobs: 0, ...FORM, model };
}
