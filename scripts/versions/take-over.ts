import { WorkflowClient, type Connection } from '@temporalio/client';
import { messageOf } from '../unreachable.ts';
import { openWorkflows } from './open-workflows.ts';
import { strandedText } from './stranded-text.ts';
import { strandedRuns, type StrandedRun } from './stranded.ts';
import { takeOverRun } from './take-over-run.ts';

export interface TakeOver {
  readonly connection: Connection;
  readonly namespace: string;
  /** Version of this code, whose workers ask for work. */
  readonly version: string;
  readonly dataFolder: string;
  /** Sends what is new to this version. */
  readonly makeCurrent: () => Promise<void>;
}

/**
 * Gives the workers of this code what is new, and those open runs that wait for a version without workers and replay.
 * @returns what the person should know, a line each: the runs that were moved, and those that could not be, with the cure.
 * @throws what `makeCurrent` throws.
 */
export async function takeOver({
  connection,
  namespace,
  version,
  dataFolder,
  makeCurrent,
}: TakeOver): Promise<string[]> {
  // An open run that cannot be looked at must not keep the others from going on.
  const looked = await look(connection, namespace, version, dataFolder).catch(unlooked);
  await makeCurrent();
  if (typeof looked === 'string') return [looked];
  const notices: string[] = [];
  for (const run of looked) {
    const cure = await takeOverRun(connection, namespace, run, version);
    const outcome = cure === undefined ? `: it goes on with version ${version}.` : `. ${cure}`;
    notices.push(`Run ${run.run} ${strandedText(run)}${outcome}`);
  }
  return notices;
}

async function look(
  connection: Connection,
  namespace: string,
  present: string,
  dataFolder: string,
): Promise<StrandedRun[]> {
  const open = await openWorkflows(new WorkflowClient({ connection, namespace }));
  return strandedRuns(connection, namespace, open, { present, dataFolder, patient: true });
}

function unlooked(error: unknown): string {
  return `Whether open runs wait for another version could not be found out (${messageOf(error)}): \`thoughtloop doctor\` looks again.`;
}
