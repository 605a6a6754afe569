import { OperatorError } from '../operator-error.ts';

/** One line of `doctor`: what was looked at, what was found, and the cure when that is not right. */
export type Check =
  | { readonly name: string; readonly ok: true; readonly found: string }
  | { readonly name: string; readonly ok: false; readonly found: string; readonly cure: string };

/** A line that is right. */
export function right(name: string, found: string): Check {
  return { name, ok: true, found };
}

/** A line that is wrong, and what to do about it. */
export function wrong(name: string, found: string, cure: string): Check {
  return { name, ok: false, found, cure };
}

/**
 * A line from something that throws when it is not right.
 * @param cure for errors that do not bring their own.
 */
export async function attempt(name: string, cure: string, look: () => Promise<Check>): Promise<Check> {
  try {
    return await look();
  } catch (error) {
    return failed(name, cure, error);
  }
}

/** The same for several lines: one of this name where it throws. */
export async function attemptAll(name: string, cure: string, look: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await look();
  } catch (error) {
    return [failed(name, cure, error)];
  }
}

function failed(name: string, cure: string, error: unknown): Check {
  if (error instanceof OperatorError && error.complaint !== undefined) {
    const { found, where, remedy } = error.complaint;
    return wrong(name, where === undefined ? found : `${found} (${where})`, remedy);
  }
  return wrong(name, error instanceof Error && error.message !== '' ? error.message : String(error), cure);
}
