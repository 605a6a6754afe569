import type { JobCluster, JobHandle } from './job-cluster.ts';

/** Lines of a job's log that go into a failure's message. */
const LINES = 20;

/** Characters of a line, and of all lines: a message is shown in the Web UI and in a terminal. */
const LINE_CHARACTERS = 300;
const ALL_CHARACTERS = 2_000;

/** The end of a job's log, at most 2,000 characters; says so when there is none. */
export async function logTail(cluster: JobCluster, handle: JobHandle): Promise<string> {
  const lines = (await cluster.logs(handle, LINES)).map((line) => line.slice(0, LINE_CHARACTERS)).join('\n');
  return lines === '' ? `(empty log in ${handle.folder})` : lines.slice(-ALL_CHARACTERS);
}
