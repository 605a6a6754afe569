import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Queryable } from '../../../activities/store/pool.ts';
import { processesNaming } from '../process-tree.ts';
import { invariant, type Invariant } from './invariant.ts';
import { noOverlaps } from './overlaps.ts';

/** One training for each model, none beside another, each step once; nothing of the run is open. */
export async function jobInvariants(database: Queryable, data: string, run: string): Promise<Invariant[]> {
  const jobs = await database.query<{ key: string; state: string; output: string | null }>(
    `select key, state, handle->>'output' as output from jobs where run = $1 order by key`,
    [run],
  );
  const open = await database.query<{ key: string }>(
    `select key from jobs where run = $1 and ended_at is null
      union all select format('%s/%s', fleet, slot) from servers where run = $1 and state <> 'gone'`,
    [run],
  );
  const outputs = [...new Set(jobs.rows.flatMap(({ output }) => (output === null ? [] : [output])))];
  const models = jobs.rows.filter(({ output }) => output !== null);
  const doubled = models
    .filter(
      ({ output, state, key }) =>
        state === 'succeeded' &&
        models.some((other) => other.output === output && other.key < key && other.state === 'succeeded'),
    )
    .map(({ key }) => key);
  return [
    invariant(
      'every job and server of the run has ended',
      `${jobs.rows.length} jobs`,
      open.rows.map(({ key }) => key),
    ),
    invariant('one job made each model', `${outputs.length} models`, doubled),
    noOverlaps(data, outputs),
    invariant(
      'a training did each step once, in order',
      `${outputs.length} models`,
      outputs.flatMap((output) => repeatedSteps(join(data, output))),
    ),
  ];
}

function repeatedSteps(output: string): string[] {
  const file = join(output, 'progress.jsonl');
  if (!existsSync(file)) return [];
  let last = 0;
  const broken: string[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    let step: number;
    try {
      step = (JSON.parse(line) as { step: number }).step;
    } catch {
      // The end of the file, or a line that a kill cut off.
      continue;
    }
    if (step <= last) broken.push(`${output}: step ${step} after ${last}`);
    last = step;
  }
  return broken;
}

/** After `down` nothing runs that names the data folder. */
export function processInvariant(data: string): Invariant {
  const left = processesNaming(data).map(({ pid, command }) => `process ${pid}: ${command}`);
  return invariant('no process is left', 'all processes of the machine', left);
}
