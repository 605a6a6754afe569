import { idLogprob, THOUGHT_LOGPROBS } from './logprobs.ts';

/** A request to `/v1/completions` as far as the answer depends on it. */
export interface CompletionBody {
  readonly model?: string;
  readonly prompt: readonly number[] | readonly (readonly number[])[];
  readonly n?: number;
  readonly max_tokens?: number;
  readonly seed?: number;
  readonly logprobs?: number | null;
  readonly prompt_logprobs?: number | null;
}

/** What the answers are made of. */
export interface AnswerSettings {
  readonly servedName: string;
  /** Tokens of a thought, its EOL included. */
  readonly thoughtTokens: number;
  readonly vocabularySize: number;
  /** Id that ends a thought. */
  readonly endOfLatent: number;
  /** Ids below this one are special and not sampled. */
  readonly firstLetter: number;
  readonly decode: (ids: readonly number[]) => string;
}

/** Different thoughts; a seed chooses one. */
const THOUGHTS = 256;

interface Thought {
  readonly tokens: number;
  /** The choice's JSON around its index and its prompt ids. */
  readonly parts: readonly [string, string];
}

/**
 * Answers in the shape of vLLM 0.32, put together from pieces that were made beforehand: thoughts that a seed chooses
 * from, scores that depend on the id alone. Sampling and scoring agree on nothing but their form.
 */
export class Answers {
  readonly #settings: AnswerSettings;
  readonly #thoughts = new Map<string, readonly Thought[]>();
  /** One entry of `prompt_logprobs` an id. */
  readonly #scores: readonly string[];

  constructor(settings: AnswerSettings) {
    this.#settings = settings;
    this.#scores = Array.from({ length: settings.vocabularySize }, (_, id) =>
      JSON.stringify({ [id]: { logprob: idLogprob(id), rank: 1, decoded_token: settings.decode([id]) } }),
    );
  }

  /** The answer's JSON and the tokens, read and generated, that it stands for. */
  complete(body: CompletionBody): { readonly text: string; readonly tokens: number } {
    const prompts = (Array.isArray(body.prompt[0]) ? body.prompt : [body.prompt]) as readonly (readonly number[])[];
    const n = body.n ?? 1;
    const limit = body.max_tokens ?? 16;
    const thoughts = this.#of(Math.min(limit, this.#settings.thoughtTokens), limit, typeof body.logprobs === 'number');
    const scored = typeof body.prompt_logprobs === 'number';
    let read = 0;
    let generated = 0;
    const choices: string[] = [];
    for (const [index, prompt] of prompts.entries()) {
      read += prompt.length;
      const ids = JSON.stringify(prompt);
      const scores = scored
        ? `[null,${prompt
            .slice(1)
            .map((id) => this.#scores[id])
            .join(',')}]`
        : 'null';
      for (let sample = 0; sample < n; sample += 1) {
        const thought = thoughts[((body.seed ?? 0) + sample) % THOUGHTS] as Thought;
        generated += thought.tokens;
        const [opening, closing] = thought.parts;
        choices.push(`${opening}${index * n + sample},"prompt_logprobs":${scores},"prompt_token_ids":${ids}${closing}`);
      }
    }
    const usage = { prompt_tokens: read, total_tokens: read + generated, completion_tokens: generated };
    return {
      text: `{"id":"cmpl-0","object":"text_completion","created":1,"model":${JSON.stringify(this.#settings.servedName)},"choices":[${choices.join(',')}],"usage":${JSON.stringify(usage)}}`,
      tokens: read + generated,
    };
  }

  /** Thoughts of a number of tokens; one as long as `limit` is cut off by it and has no EOL. */
  #of(tokens: number, limit: number, logprobs: boolean): readonly Thought[] {
    const cut = tokens === limit;
    const key = `${tokens} ${cut} ${logprobs}`;
    const known = this.#thoughts.get(key);
    if (known !== undefined) return known;
    const made = Array.from({ length: THOUGHTS }, (_, seed) => this.#thought(seed, tokens, cut, logprobs));
    this.#thoughts.set(key, made);
    return made;
  }

  #thought(seed: number, tokens: number, cut: boolean, logprobs: boolean): Thought {
    const { vocabularySize, endOfLatent, firstLetter, decode } = this.#settings;
    const letters = vocabularySize - firstLetter;
    const ids = Array.from(
      { length: tokens },
      (_, at) => firstLetter + ((seed * 31 + at * (7 + (seed % 5))) % letters),
    );
    if (!cut) ids[tokens - 1] = endOfLatent;
    const choice = {
      text: decode(cut ? ids : ids.slice(0, -1)),
      logprobs: logprobs
        ? {
            text_offset: ids.map((_, at) => at),
            token_logprobs: ids.map((_, at) => THOUGHT_LOGPROBS[(seed + at) % THOUGHT_LOGPROBS.length]),
            tokens: ids.map((id) => decode([id])),
            top_logprobs: [],
          }
        : null,
      finish_reason: cut ? 'length' : 'stop',
      stop_reason: cut ? null : endOfLatent,
      token_ids: ids,
    };
    return { tokens, parts: ['{"index":', `,${JSON.stringify(choice).slice(1)}`] };
  }
}
