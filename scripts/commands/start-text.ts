import { pairs } from '../output.ts';
import type { RunStart } from '../run/start-run.ts';

/** What came of starting, for people. */
export function startText({ kind, row: { run, status }, link }: RunStart): string {
  if (kind === 'ended') {
    return `Run ${run} is over (${status}): it is not run again. \`thoughtloop report ${run}\` shows what came out.`;
  }
  const going =
    status === 'Parked' ? `Run ${run} waits for a decision: \`thoughtloop status ${run}\`.` : `Run ${run} goes on.`;
  const word = { started: `Run ${run} started.`, resumed: `Run ${run} goes on where it was.`, running: going }[kind];
  const where = link === undefined ? [] : [['Web UI', link] as const];
  return `${word}\n${pairs([...where, ['progress', `thoughtloop watch ${run}`]])}`;
}
