/** What is asked of a server: the three take very different times. */
export type RequestKind = 'sample' | 'score' | 'complete';

/** Answers of a kind before its times say anything. */
const ENOUGH_ANSWERS = 8;

/** By how much the slowest time fades with every answer, so that it is of the last few hundred. */
const FADING = 0.99;

/** How much longer than the slowest answer a request may take. */
const PATIENCE = 10;

/** How long the answers of a pool's servers take, by kind of request: what is far beyond the slowest will not come. */
export class AnswerTimes {
  readonly #kinds = new Map<RequestKind, { answers: number; slowestMs: number }>();

  /** A request of a kind was answered after so many milliseconds. */
  answered(kind: RequestKind, milliseconds: number): void {
    const known = this.#kinds.get(kind) ?? { answers: 0, slowestMs: 0 };
    this.#kinds.set(kind, {
      answers: known.answers + 1,
      slowestMs: Math.max(milliseconds, known.slowestMs * FADING),
    });
  }

  /** Whether a request of a kind that is under way for so many milliseconds has been forgotten, by all that is known. */
  overdue(kind: RequestKind, milliseconds: number): boolean {
    const known = this.#kinds.get(kind);
    return known !== undefined && known.answers >= ENOUGH_ANSWERS && milliseconds > PATIENCE * known.slowestMs;
  }
}
