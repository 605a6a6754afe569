import type { Connection } from '@temporalio/client';
import { moveRun } from './move.ts';
import { misfitCure } from './stranded-text.ts';
import type { StrandedRun } from './stranded.ts';

/**
 * Moves a stranded run to this code's version, where this code can take it over.
 * @returns undefined when it was moved; else it is as it was, and this is what to do about it.
 * @throws what `moveRun` throws.
 */
export async function takeOverRun(
  connection: Connection,
  namespace: string,
  run: StrandedRun,
  present: string,
): Promise<string | undefined> {
  if (run.misfit !== null) return misfitCure(run);
  await moveRun(connection, namespace, run, present);
  return undefined;
}
