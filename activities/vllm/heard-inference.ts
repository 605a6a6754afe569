import type { Inference } from './inference.ts';

/** The same inference, which tells of every answer that came. */
export function heardInference(inference: Inference, heard: () => void): Inference {
  const telling = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    const answered = await answer;
    heard();
    return answered;
  };
  return {
    sample: (request, purpose) => telling(inference.sample(request, purpose)),
    score: (sequences, purpose) => telling(inference.score(sequences, purpose)),
    complete: (request, purpose) => telling(inference.complete(request, purpose)),
  };
}
