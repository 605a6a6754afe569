import { commitOfVersion } from './commit-of-version.ts';
import type { StrandedRun } from './stranded.ts';

/** `version <id>`, or what workers without one are. */
export function versionName(version: string | undefined): string {
  return version === undefined ? 'no version' : `version ${version}`;
}

/** What is the matter with a stranded run, for people. */
export function strandedText({ version, workflows, misfit }: StrandedRun): string {
  const waits = `waits for workers of ${versionName(version)}, which are gone`;
  return misfit === null
    ? `${waits}; its ${workflows.length} open workflows replay with this code`
    : `${waits}; ${misfit.workflowId} does not replay with this code (${misfit.reason})`;
}

/**
 * What to do about a stranded run that this code cannot take over: end it with the code that began it, from which a
 * start with this code goes on. Cancelling takes workers of that version too: it is they who stop jobs and servers.
 */
export function misfitCure({ run, version }: StrandedRun): string {
  const commit = version === undefined ? undefined : commitOfVersion(version);
  const code = commit === undefined ? `the code of ${versionName(version)}` : `commit ${commit}`;
  return (
    `Run \`thoughtloop down\`, check out ${code}, run \`thoughtloop up\` there, and let the run end or ` +
    `\`thoughtloop cancel ${run}\`; then \`down\`, this code, \`up\`, and \`thoughtloop start\` with its recipe: it goes on ` +
    'from what the store holds.'
  );
}
