import { codeVersion } from '../../workers/code-version.ts';

/** What to do about it. */
export const CODE_CHANGE_CURE =
  'Run `thoughtloop down`, then `thoughtloop up`: runs go on with this code where they were.';

/** Says that a stack's workers are of other code than this; undefined when they are not, or there are none. */
export function codeChange({
  codeVersion: running,
}: {
  readonly codeVersion?: string | undefined;
}): string | undefined {
  const version = codeVersion();
  if (running === undefined || running === version) return undefined;
  return `workers of version ${running}, but code of version ${version}`;
}
