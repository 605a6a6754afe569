import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { createClusterActivities } from '../../activities/clusters/activities.ts';
import { importFile } from '../../activities/corpus/import.ts';
import type { Database } from '../../activities/store/pool.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { runActivity } from './run-activity.ts';
import { insertRun } from './run-row.ts';
import { TINY_MODEL } from './tiny-settings.ts';

export const TINY_CORPUS = { name: 'tiny', split: 'teacher' } as const;

/** Imports 30 documents with thoughts as a corpus, then makes a run and its tiny base model with the real trainer. */
export async function makeTinyBase(
  database: Database,
  activities: ReturnType<typeof createClusterActivities>,
  folder: string,
  run: string,
): Promise<CheckpointRef> {
  const lines = Array.from({ length: 30 }, (_, n) => {
    const [a, b, c] = [n % 7, (3 * n) % 7, (5 * n + 1) % 7] as const;
    const chunk = { text: ` It ends in ${(a + b + c) % 7} .`, thought: ` Then ${(a + b) % 7} ${(a + b + c) % 7}` };
    return `${JSON.stringify({ context: `Add up ${a} ${b} ${c} .`, chunks: [chunk] })}\n`;
  });
  const file = join(folder, 'teacher.jsonl');
  writeFileSync(file, lines.join(''));
  await importFile(database, { file, corpus: TINY_CORPUS.name, split: TINY_CORPUS.split });
  // A run sees what was imported before it.
  await insertRun(database, run);
  const job = await runActivity(activities, 'submitBase', {
    run,
    seed: 3,
    model: TINY_MODEL,
    corpus: TINY_CORPUS,
    generation: 0,
    cluster: 'process',
  });
  return (await runActivity(activities, 'awaitJob', job)).checkpoint;
}
