/**
 * What a grader says of one completion. `ungraded` is not `wrong`: nothing could be read out of the text that an answer
 * could be compared with. Both count against accuracy; they are reported apart.
 */
export type Verdict = 'right' | 'wrong' | 'ungraded';

/** A verdict and the answer it was given on. */
export interface Graded {
  readonly verdict: Verdict;
  /** What was read out of the text; null where nothing was. */
  readonly answer: string | null;
}

/**
 * Grades one text against the gold answer. Pure, total (never throws) and linear in the text, so that a degenerate
 * completion of megabytes costs milliseconds and cannot hold up the others.
 */
export type Grader = (text: string, gold: string) => Graded;
