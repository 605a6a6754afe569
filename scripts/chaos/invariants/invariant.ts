/** One thing that has to hold at the end of a run, whatever happened on the way. */
export interface Invariant {
  /** The rule, as a sentence. */
  readonly rule: string;
  /** What breaks it, a line each, the first few; empty when it holds. */
  readonly broken: readonly string[];
  /** What was looked at, e.g. `5,120 chunks`. */
  readonly looked: string;
}

/** Lines that are shown of what breaks a rule. */
const SHOWN = 5;

export function invariant(rule: string, looked: string, broken: readonly string[]): Invariant {
  const more = broken.length > SHOWN ? [`… and ${broken.length - SHOWN} more`] : [];
  return { rule, looked, broken: [...broken.slice(0, SHOWN), ...more] };
}
