import { MARKER_TEXTS, type TextTokenizer } from './tokenizer.ts';
import type { VllmClient } from './client.ts';
import type { Fingerprint, ModelDescription } from './model-folder.ts';
import { VllmError } from './vllm-error.ts';

/** The checkpoint a server must turn out to serve. */
export interface ExpectedModel {
  readonly description: ModelDescription;
  readonly fingerprint: Fingerprint;
  readonly tokenizer: TextTokenizer;
}

/** Whether a server may take work, and if not, which check it failed. */
export type Admission =
  | { readonly kind: 'admitted' }
  | {
      readonly kind: 'refused';
      readonly check: 'answers' | 'name' | 'tokenisation' | 'fingerprint' | 'order';
      readonly message: string;
    };

/**
 * How far the log probabilities of a server may lie from the trainer's, in nats, per token: the mean and the worst.
 *
 * float32: kernels differ by rounding, about 1e-6 (vLLM against transformers on CPU); 1e-3 leaves room for long sums.
 * The 16-bit types round every activation in every layer, each engine in its own order. Measured with SmolLM2-135M on
 * such sequences: vLLM in bfloat16 against transformers in bfloat16 0.075 in the mean and 0.44 at worst, float16 against
 * float32 0.008 and 0.044; weights moved by noise of 3 % of their deviation 0.50 and 2.0. Those of another iteration
 * are further off, since the sequences are unlikely under any model and their scores move first.
 */
export const FINGERPRINT_TOLERANCE = {
  float32: { mean: 1e-3, worst: 1e-3 },
  float16: { mean: 0.02, worst: 0.2 },
  bfloat16: { mean: 0.15, worst: 1.5 },
} as const satisfies Record<Fingerprint['dtype'], { mean: number; worst: number }>;

/**
 * Texts on which local tokenizer and server must agree: words, digits, space runs, line ends, accents, CJK, an astral
 * character, TeX.
 */
const SAMPLE_TEXTS = [
  'Add up 3 6 2 5 .',
  '  two  spaces,\ttab\nand\r\nline ends\n\n',
  'naïve Ångström — “quoted” … 数学 🙂',
  '$\\frac{12}{x^2} \\le 3.14$ (i.e. 50%)',
] as const;

/**
 * Checks a server before it takes work, in this order: it names the model asked for; it completes one token; it
 * tokenises sample texts and markers as we do; it reproduces the checkpoint's fingerprint; and its scores do not depend
 * on what it was asked before (vllm#42019: with prefix caching they did).
 *
 * @param deadlineMs limit of each request
 * @throws nothing of the server's doing: a failed request is a refusal
 */
export async function admit(
  client: VllmClient,
  expected: ExpectedModel,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<Admission> {
  const limits = { deadlineMs, ...(signal === undefined ? {} : { signal }) };
  const { description, fingerprint } = expected;
  try {
    const models = await client.models(limits);
    if (!models.some(({ id }) => id === client.endpoint.servedName)) {
      const named = models.map(({ id }) => id).join(', ');
      return refused('name', `Expected the server to serve ${client.endpoint.servedName}, found ${named}`);
    }
    await client.probe([description.beginning], limits);

    const disagreement = await tokenisationDisagreement(client, expected, limits);
    if (disagreement !== null) return refused('tokenisation', disagreement);

    const sequences = fingerprint.ids.map((ids) => ({ ids, from: 1 }));
    const scores = await client.score(sequences, limits);
    const tolerance = FINGERPRINT_TOLERANCE[fingerprint.dtype];
    const distance = distanceBetween(scores, fingerprint.logprobs);
    if (!within(distance, tolerance)) {
      return refused(
        'fingerprint',
        `Expected the fingerprint in ${fingerprint.dtype}, got ${describe(distance, tolerance)}`,
      );
    }

    // Sampling the sequences fills the prefix cache with them; scored again, last first, each by itself, nothing may change.
    for (const { ids } of sequences) await client.probe(ids, limits);
    const again: number[][] = [];
    for (const sequence of sequences.toReversed()) again.unshift(...(await client.score([sequence], limits)));
    const shift = distanceBetween(again, scores);
    if (!within(shift, tolerance)) {
      return refused(
        'order',
        `Expected scores that do not depend on order, got ${describe(shift, tolerance)}: turn prefix caching off`,
      );
    }
    return { kind: 'admitted' };
  } catch (thrown) {
    if (thrown instanceof VllmError) {
      return refused(thrown.failure.kind === 'wrong-weights' ? 'name' : 'answers', thrown.message);
    }
    throw thrown;
  }
}

function refused(check: Extract<Admission, { kind: 'refused' }>['check'], message: string): Admission {
  return { kind: 'refused', check, message };
}

/** The first text that server and local tokenizer encode differently, described; null when they agree on all. */
async function tokenisationDisagreement(
  client: VllmClient,
  { description, tokenizer }: ExpectedModel,
  limits: { deadlineMs: number },
): Promise<string | null> {
  const cases: { text: string; ids: number[] }[] = SAMPLE_TEXTS.map((text) => ({ text, ids: tokenizer.encode(text) }));
  for (const [name, text] of Object.entries(MARKER_TEXTS)) {
    cases.push({ text, ids: [description.markers[name as keyof typeof MARKER_TEXTS]] });
  }
  for (const { text, ids } of cases) {
    const found = await client.tokenize(text, limits);
    if (found.length !== ids.length || found.some((id, position) => id !== ids[position])) {
      return `Expected ids ${ids.join(' ')} for ${JSON.stringify(text)}, got ${found.join(' ')}`;
    }
  }
  return null;
}

interface Distance {
  readonly mean: number;
  readonly worst: number;
}

/** Mean and greatest absolute difference over all positions. */
function distanceBetween(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]): Distance {
  const differences = expected.flatMap((row, i) =>
    row.map((value, j) => Math.abs(value - (found[i]?.[j] ?? Infinity))),
  );
  const sum = differences.reduce((total, difference) => total + difference, 0);
  return { mean: sum / differences.length, worst: differences.reduce((a, b) => Math.max(a, b), 0) };
}

function within(distance: Distance, tolerance: Distance): boolean {
  return distance.mean <= tolerance.mean && distance.worst <= tolerance.worst;
}

function describe(distance: Distance, tolerance: Distance): string {
  const { mean, worst } = distance;
  return `a difference of ${mean.toExponential(2)} nats in the mean (≤ ${tolerance.mean}), ${worst.toExponential(2)} at worst (≤ ${tolerance.worst})`;
}
