import type { Sampled } from './answer.ts';
import type { Completion, CompletionRequest, ScoreRequest } from './client.ts';
import type { ServerPool } from './pool.ts';
import type { SampleRequest } from './request-bodies.ts';

/** On whose behalf a request is made. */
export interface RequestPurpose {
  /** Requests of different groups are served in turn, and every second turn is that of the lowest `order`. */
  readonly group: string;
  readonly order?: number;
  /** Goes before the group's other requests. */
  readonly urgent?: boolean;
  /** Requests with a common prefix prefer one server. */
  readonly affinity?: string;
  readonly signal?: AbortSignal;
  /** Deadline of one request to one server, milliseconds; the pool's own where absent. */
  readonly deadlineMs?: number;
}

/** An answer and the base URL of the server that gave it. */
export interface Served<Answer> {
  readonly answer: Answer;
  readonly server: string;
}

/** Sampling, scoring and completing with whichever server of a checkpoint is best placed; failures as of the pool. */
export interface Inference {
  /** K sequences for one prompt, each with the log probabilities of its ids. */
  sample(request: SampleRequest, purpose: RequestPurpose): Promise<Served<Sampled[]>>;
  /** Log probabilities of given sequences, all by one server in one request. */
  score(sequences: readonly ScoreRequest[], purpose: RequestPurpose): Promise<Served<number[][]>>;
  complete(request: CompletionRequest, purpose: RequestPurpose): Promise<Served<Completion>>;
}

/** {@link Inference} over a pool of servers. */
export function pooledInference(pool: ServerPool): Inference {
  return {
    sample: (request, purpose) =>
      pool.run(
        {
          ...purpose,
          sequences: request.n,
          tokens: request.prompt.length + request.n * request.maxTokens,
        },
        async (client, limits) => ({ answer: await client.sample(request, limits), server: client.root }),
      ),
    score: (sequences, purpose) =>
      pool.run(
        {
          ...purpose,
          sequences: sequences.length,
          tokens: sequences.reduce((sum, { ids }) => sum + ids.length + 1, 0),
        },
        async (client, limits) => ({ answer: await client.score(sequences, limits), server: client.root }),
      ),
    complete: (request, purpose) =>
      pool.run(
        { ...purpose, sequences: 1, tokens: request.prompt.length + request.maxTokens },
        async (client, limits) => ({ answer: await client.complete(request, limits), server: client.root }),
      ),
  };
}
