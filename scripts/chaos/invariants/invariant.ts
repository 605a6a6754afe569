/** One thing that has to hold at the end of a run, whatever happened on the way. */
export interface Invariant {
  /** The rule, as a sentence. */
  readonly rule: string;
  /** What breaks it, a line each, the first few; empty when it holds. */
  readonly broken: readonly string[];
  /** What was looked at, e.g. `5,120 chunks`; where nothing was, why not. */
  readonly looked: string;
  /** `not looked at`: the run leaves nothing by which it could be seen. */
  readonly verdict: 'holds' | 'broken' | 'not looked at';
}

/** Lines that are shown of what breaks a rule. */
const SHOWN = 5;

export function invariant(rule: string, looked: string, broken: readonly string[]): Invariant {
  const more = broken.length > SHOWN ? [`… and ${broken.length - SHOWN} more`] : [];
  const verdict = broken.length === 0 ? 'holds' : 'broken';
  return { rule, looked, broken: [...broken.slice(0, SHOWN), ...more], verdict };
}

/** A rule about which nothing can be said. @param why in a few words */
export function notLookedAt(rule: string, why: string): Invariant {
  return { rule, looked: why, broken: [], verdict: 'not looked at' };
}
