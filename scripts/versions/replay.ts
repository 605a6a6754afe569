import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { OpenWorkflow } from './open-workflows.ts';

const PROGRAM = fileURLToPath(new URL('./replay-open.ts', import.meta.url));

/** What the program is asked: executions of the data folder's Temporal. */
export type ReplayRequest = readonly Pick<OpenWorkflow, 'workflowId' | 'runId'>[];

/** What it answers, for each execution that this code would not have made: workflow id → what differs. */
export type ReplayAnswer = Readonly<Record<string, string>>;

/**
 * Replays the histories of open workflows with the workflows of this checkout, in a process of its own: who asks need
 * not load the worker, and large histories leave its memory again.
 * @param dataFolder names the Temporal server, unless the environment does.
 * @returns workflow id → what differs, for those whose history this code would not have made.
 * @throws when the program fails, with its last words.
 */
export async function replayMisfits(
  workflows: readonly OpenWorkflow[],
  dataFolder: string,
): Promise<Map<string, string>> {
  const request: ReplayRequest = workflows.map(({ workflowId, runId }) => ({ workflowId, runId }));
  const child = spawn(process.execPath, [PROGRAM, dataFolder], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [answer, log] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (answer += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4_000)));
  child.stdin.end(JSON.stringify(request));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`replaying open workflows ended with ${code}: ${log.trim()}`);
  return new Map(Object.entries(JSON.parse(answer) as ReplayAnswer));
}
