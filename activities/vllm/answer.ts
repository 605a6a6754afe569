import { VllmError, type GarbageCause } from './vllm-error.ts';

/**
 * Largest log probability taken for a rounded nought, in nats. log-softmax in float32 subtracts two numbers of the
 * logits' size (up to about 100), each rounded to 2^-24 of it: 100 · 2 · 6e-8 ≈ 1.2e-5. Logits, as a server wrongly
 * started with `--logprobs-mode raw_logits` would send, are larger by orders.
 */
export const ROUNDING_MARGIN = 1e-4;

/** vLLM sends −9999 where the log probability is −∞, which JSON cannot carry. */
export const CLAMPED_MINUS_INFINITY = -9999;

/** One choice of `/v1/completions` as far as it is read (vLLM 0.32). Nothing in it is trusted before it is checked. */
interface RawChoice {
  readonly index?: unknown;
  readonly text?: unknown;
  readonly finish_reason?: unknown;
  readonly token_ids?: unknown;
  readonly prompt_token_ids?: unknown;
  readonly prompt_logprobs?: unknown;
  readonly logprobs?: { readonly token_logprobs?: unknown } | null;
}

/** What was asked, as the answer must repeat it. */
export interface Asked {
  readonly server: string;
  readonly model: string;
  readonly prompts: readonly (readonly number[])[];
  /** Choices a prompt. */
  readonly n: number;
}

/** One sampled sequence. */
export interface Sampled {
  /** Sampled ids, with the EOL or end-of-document that ended them. */
  readonly tokenIds: readonly number[];
  /** Log probability of each id, nats: log q where temperature, top_p, top_k and penalties are neutral. */
  readonly logprobs: readonly number[];
  /** `stop`: ended by the stop id asked for; `end`: by the model's end of document; `length`: at the limit. */
  readonly finish: 'stop' | 'end' | 'length';
  /** Decoded text, for people. */
  readonly text: string;
}

function garbage(asked: Asked, what: GarbageCause, message: string): VllmError {
  return new VllmError({ kind: 'garbage', what }, asked.server, message);
}

/** The choices in the order asked for (index = prompt · n + i), each for the prompt it was asked for. */
function choices(answer: unknown, asked: Asked): RawChoice[] {
  if (typeof answer !== 'object' || answer === null) {
    throw garbage(asked, 'shape', `Expected an object, got ${answer === null ? 'null' : typeof answer}`);
  }
  const { model, choices: list } = answer as { model?: unknown; choices?: unknown };
  if (model !== asked.model) throw garbage(asked, 'model', `Expected model ${asked.model}, got ${String(model)}`);
  if (!Array.isArray(list)) throw garbage(asked, 'shape', 'Expected a list of choices, got none');
  const expected = asked.prompts.length * asked.n;
  if (list.length !== expected) throw garbage(asked, 'count', `Expected ${expected} choices, got ${list.length}`);
  const ordered = new Array<RawChoice | undefined>(expected).fill(undefined);
  for (const choice of list as (RawChoice | null)[]) {
    if (typeof choice !== 'object' || choice === null) throw garbage(asked, 'shape', 'Expected choices to be objects');
    const index = choice.index;
    if (typeof index !== 'number' || !(index in ordered) || ordered[index] !== undefined) {
      throw garbage(asked, 'count', `Expected each index of 0 … ${expected - 1} once, got ${String(index)}`);
    }
    const prompt = asked.prompts[Math.floor(index / asked.n)] ?? [];
    if (!sameIds(choice.prompt_token_ids, prompt)) {
      throw garbage(asked, 'prompt-ids', `Expected the ${prompt.length} prompt ids as sent (choice ${index})`);
    }
    ordered[index] = choice;
  }
  return ordered as RawChoice[];
}

function sameIds(found: unknown, sent: readonly number[]): boolean {
  return Array.isArray(found) && found.length === sent.length && sent.every((id, position) => found[position] === id);
}

/** A log probability: a finite number that is at most nought, give or take rounding. */
function logprob(value: unknown, asked: Asked, where: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= CLAMPED_MINUS_INFINITY) {
    throw garbage(asked, 'not-finite', `Expected a finite log probability, got ${String(value)} (${where})`);
  }
  if (value > ROUNDING_MARGIN) {
    throw garbage(asked, 'positive', `Expected a log probability ≤ 0, got ${value} (${where})`);
  }
  return value;
}

/**
 * The n sampled sequences of one prompt.
 *
 * @param stop id that ends a thought
 * @param maxTokens limit that was sent
 * @throws VllmError `garbage` at the first thing that is not as asked
 */
export function readSampled(answer: unknown, asked: Asked, stop: number | null, maxTokens: number): Sampled[] {
  return choices(answer, asked).map((choice, index) => {
    const where = `choice ${index}`;
    const ids = choice.token_ids;
    if (!Array.isArray(ids) || !ids.every((id) => Number.isInteger(id) && (id as number) >= 0)) {
      throw garbage(asked, 'shape', `Expected token_ids, which vLLM ≥ 0.10.2 sends, got ${typeof ids} (${where})`);
    }
    const tokenIds = ids as number[];
    const values: unknown = choice.logprobs?.token_logprobs;
    if (!Array.isArray(values) || values.length !== tokenIds.length || tokenIds.length === 0) {
      const found = Array.isArray(values) ? values.length : 'none';
      throw garbage(
        asked,
        'length',
        `Expected a log probability for each of ${tokenIds.length} ids, got ${found} (${where})`,
      );
    }
    const reason = choice.finish_reason;
    if (reason !== 'stop' && reason !== 'length') {
      throw garbage(asked, 'finish', `Expected the end stop or length, got ${String(reason)} (${where})`);
    }
    const ended = stop === null ? -1 : tokenIds.indexOf(stop);
    if (ended >= 0 && ended < tokenIds.length - 1) {
      throw garbage(
        asked,
        'ids',
        `Expected nothing behind stop id ${stop}, got ${tokenIds.length - 1 - ended} ids (${where})`,
      );
    }
    if (tokenIds.length > maxTokens || (reason === 'length' && ended < 0 && tokenIds.length !== maxTokens)) {
      throw garbage(
        asked,
        'length',
        `Expected an end by length at ${maxTokens} ids, got ${tokenIds.length} (${where})`,
      );
    }
    return {
      tokenIds,
      logprobs: values.map((value, position) => logprob(value, asked, `${where}, position ${position}`)),
      finish: ended >= 0 ? 'stop' : reason === 'stop' ? 'end' : 'length',
      text: typeof choice.text === 'string' ? choice.text : '',
    };
  });
}

/**
 * Log probabilities of the prompts' own ids from position `from` on, one list a prompt, nats.
 *
 * @throws VllmError `garbage` at the first thing that is not as asked
 */
export function readScores(answer: unknown, asked: Asked, from: readonly number[]): number[][] {
  return choices(answer, asked).map((choice, index) => {
    const prompt = asked.prompts[index] ?? [];
    const entries = choice.prompt_logprobs;
    if (!Array.isArray(entries) || entries.length !== prompt.length) {
      const found = Array.isArray(entries) ? entries.length : 'none';
      throw garbage(
        asked,
        'length',
        `Expected ${prompt.length} prompt log probabilities, got ${found} (prompt ${index})`,
      );
    }
    // The first token has no predecessor; a server that scores it has shifted the list.
    if (entries[0] !== null) {
      throw garbage(asked, 'first-not-null', `Expected no score for the first token, got one (prompt ${index})`);
    }
    return prompt.slice(from[index]).map((id, offset) => {
      const position = (from[index] ?? 0) + offset;
      const entry: unknown = entries[position];
      const scored =
        typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>)[String(id)] : undefined;
      if (typeof scored !== 'object' || scored === null) {
        throw garbage(asked, 'ids', `Expected a score of id ${id} (prompt ${index}, position ${position})`);
      }
      return logprob((scored as { logprob?: unknown }).logprob, asked, `prompt ${index}, position ${position}`);
    });
  });
}
