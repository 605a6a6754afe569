import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { OpenWorkflow } from './open-workflows.ts';

const PROGRAM = fileURLToPath(new URL('./replay-open.ts', import.meta.url));

/** Longest silence of the program, milliseconds: a history takes it a second or two, its start on a loaded machine several. */
const SILENCE_MILLISECONDS = 60_000;

/** What the program is asked: executions of the data folder's Temporal. */
export type ReplayRequest = readonly Pick<OpenWorkflow, 'workflowId' | 'runId'>[];

/** What it says of each execution, a line as JSON: what differs; null where this code would have made the history. */
export interface ReplayAnswer {
  readonly workflowId: string;
  readonly misfit: string | null;
}

/**
 * Replays the histories of open workflows with the workflows of this checkout, in a process of its own: who asks need
 * not load the worker, and large histories leave its memory again.
 * @param dataFolder names the Temporal server, unless the environment does.
 * @param silence after which the program is ended, milliseconds.
 * @returns workflow id → what differs, for those whose history this code would not have made.
 * @throws when the program fails or falls silent, with its last words.
 */
export async function replayMisfits(
  workflows: readonly Pick<OpenWorkflow, 'workflowId' | 'runId'>[],
  dataFolder: string,
  silence: number = SILENCE_MILLISECONDS,
): Promise<Map<string, string>> {
  const request: ReplayRequest = workflows.map(({ workflowId, runId }) => ({ workflowId, runId }));
  const child = spawn(process.execPath, [PROGRAM, dataFolder], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [answers, log, silent] = ['', '', false];
  const end = setTimeout(() => {
    silent = true;
    child.kill('SIGKILL');
  }, silence);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    answers += text;
    end.refresh();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4_000)));
  // A program that ends before it has read the request says why by its code and its log.
  child.stdin.on('error', () => undefined).end(JSON.stringify(request));
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const how = silent ? `was silent for ${silence / 1_000} s` : `ended with ${code}`;
    if (code !== 0) throw new Error(`replaying open workflows ${how}: ${log.trim()}`);
  } finally {
    clearTimeout(end);
  }
  const said = answers.split('\n').filter((line) => line !== '');
  return new Map(
    said.flatMap((line) => {
      const { workflowId, misfit } = JSON.parse(line) as ReplayAnswer;
      return misfit === null ? [] : [[workflowId, misfit]];
    }),
  );
}
