import type { EStepSettings, Fidelity } from '../../workflows/contract/recipe.ts';
import type { Sampled } from '../vllm/answer.ts';
import type { Inference, RequestPurpose } from '../vllm/inference.ts';
import { VllmError } from '../vllm/vllm-error.ts';
import type { Candidate, ChunkOutcome, Rejection } from './chunk-outcome.ts';
import { isEligible, thoughtIds } from './eligibility.ts';
import { chunkPrompts, type ChunkText, type PromptModel } from './prompts.ts';
import { samplingSeed, selectionDraw, type DrawPlace } from './seeds.ts';
import { select } from './selection.ts';
import { weigh } from './weights.ts';

/** A chunk to find a thought for. */
export interface ChunkTask {
  readonly place: DrawPlace;
  readonly text: ChunkText;
}

/** What annotating a chunk needs beside the chunk. */
export interface AnnotationPorts {
  readonly inference: Inference;
  readonly model: PromptModel;
  readonly fidelity: Fidelity;
  readonly settings: Pick<EStepSettings, 'samples' | 'maxThoughtTokens' | 'maxRounds'>;
}

/**
 * The E-step of one chunk: propose K thoughts, score the eligible ones jointly with the chunk, weigh, select one.
 * When none is eligible the chunk is sampled again with another seed, `maxRounds` times at most.
 *
 * @returns what came of it; a chunk that cannot be done is a rejection, not an error
 * @throws VllmError or NoServerError when servers failed and the chunk is not the cause
 */
export async function annotateChunk(
  task: ChunkTask,
  ports: AnnotationPorts,
  purpose: RequestPurpose,
): Promise<ChunkOutcome> {
  const { place } = task;
  const where = { document: place.document, chunk: place.chunk };
  const prompts = chunkPrompts(ports.fidelity, ports.model, task.text, ports.settings.maxThoughtTokens);
  if (prompts.kind === 'too-long') {
    return { ...where, kind: 'rejected', rejection: 'too-long', rounds: 0, prefixChunks: 0, server: null };
  }
  const { prefixChunks } = prompts;
  let server: string | null = null;
  let rounds = 0;
  try {
    while (rounds <= ports.settings.maxRounds) {
      const seed = samplingSeed(place, rounds);
      rounds += 1;
      const sampled = await ports.inference.sample(
        {
          prompt: prompts.propose,
          n: ports.settings.samples,
          maxTokens: ports.settings.maxThoughtTokens,
          seed,
          stop: ports.model.markers.endOfLatent,
        },
        purpose,
      );
      server = sampled.server;
      const eligible = sampled.answer.filter(({ finish }) => isEligible(ports.fidelity, finish));
      if (eligible.length === 0) continue;

      const sequences = prompts.score(eligible.map(({ tokenIds, finish }) => thoughtIds(tokenIds, finish)));
      // Until it is scored and written, a chunk's thoughts are lost in a crash: it is finished before others are begun.
      const scores = await ports.inference.score(sequences, { ...purpose, urgent: true });
      const logP = new Map(eligible.map((thought, index) => [thought, sum(scores.answer[index] ?? [])]));
      const candidates = sampled.answer.map((thought) => candidate(thought, logP.get(thought) ?? null));
      const weights = weigh(candidates.map(({ logP, logQ }) => (logP === null ? null : { logP, logQ })));
      return {
        ...where,
        kind: 'selected',
        rounds,
        prefixChunks,
        candidates,
        selected: select(weights.probabilities, selectionDraw(place)),
        effectiveSampleSize: weights.effectiveSampleSize,
        elbo: weights.elbo,
        scoredTokens: sequences.reduce((total, { ids }) => total + ids.length, 0),
        server: scores.server,
      };
    }
  } catch (thrown) {
    const rejection = thrown instanceof VllmError ? rejectionOf(thrown) : null;
    if (rejection === null) throw thrown;
    return { ...where, kind: 'rejected', rejection, rounds, prefixChunks, server };
  }
  return { ...where, kind: 'rejected', rejection: 'unfinished', rounds, prefixChunks, server };
}

/** The rejection that a failure of the pool's last try amounts to; null when servers, not the chunk, are the cause. */
function rejectionOf({ failure }: VllmError): Rejection | null {
  switch (failure.kind) {
    case 'refused':
    case 'deadline':
    case 'garbage':
      return failure.kind;
    case 'unauthorised':
    case 'wrong-weights':
    case 'busy':
    case 'lost':
    case 'cancelled':
      return null;
  }
}

function candidate({ tokenIds, logprobs, finish, text }: Sampled, logP: number | null): Candidate {
  return { tokenIds: thoughtIds(tokenIds, finish), text, logQ: sum(logprobs), logP, finish };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
