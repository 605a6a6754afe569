import { join } from 'node:path';
import { importFile } from '../../activities/corpus/import.ts';
import type { Database } from '../../activities/store/pool.ts';
import { writeMicro } from '../corpora/micro.ts';

/** Name of the corpus in the store, and of its folder. */
const NAME = 'micro';
const SPLITS = ['teacher', 'em', 'held-out'] as const;

/**
 * Makes the micro corpus and brings it into the store; what is there already stays.
 * @returns folder of its files, where the recipe finds the test problems
 */
export async function ensureMicroCorpus(
  database: Database,
  dataFolder: string,
  tell: (line: string) => void,
): Promise<string> {
  const folder = join(dataFolder, 'corpora', NAME);
  await writeMicro(folder);
  for (const split of SPLITS) {
    const result = await importFile(database, { file: join(folder, `${split}.jsonl`), corpus: NAME, split });
    if (result.kind === 'refused')
      throw new Error(`Expected documents in ${result.file}, found ${result.badLines} bad lines`);
    if (result.kind === 'imported') tell(`imported ${result.documents} documents into ${NAME}/${split}`);
  }
  return folder;
}
