import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { invariant, notLookedAt, type Invariant } from './invariant.ts';

const RULE = 'no two trainings of one model ran at once';

/**
 * From the journals of toy trainers (tests/support/toy-trainer.ts), each of which is one file that all processes of a
 * model's training append to. The reference trainer keeps none: a run with it alone is not looked at.
 *
 * @param outputs folders of trainings, relative to the data folder
 */
export function noOverlaps(data: string, outputs: readonly string[]): Invariant {
  const journals = outputs.map((output) => join(output, 'journal')).filter((file) => existsSync(join(data, file)));
  if (journals.length === 0) return notLookedAt(RULE, 'no training left a journal of its processes');
  const found = journals.map((file) => overlaps(readFileSync(join(data, file), 'utf8')));
  const starts = found.reduce((sum, journal) => sum + journal.starts, 0);
  const broken = found.flatMap(({ broken: lines }, index) => lines.map((line) => `${journals[index]}: ${line}`));
  return invariant(RULE, `${starts} starts of ${journals.length} models`, broken);
}

/**
 * Reads one journal. A process that was killed leaves no end: it is over when nothing of it follows the next start. What
 * an earlier process does after a later one has started, it does beside it.
 */
function overlaps(journal: string): { readonly starts: number; readonly broken: readonly string[] } {
  const begun: string[] = [];
  const broken = new Set<string>();
  let ends = 0;
  for (const line of journal.trim().split('\n')) {
    const [word, pid = ''] = line.split(' ');
    if (word === 'start') begun.push(pid);
    else if (word === 'met') broken.add(`process ${pid} was started beside process ${begun.at(-1) ?? 'none'}`);
    else if (!begun.includes(pid)) broken.add(`process ${pid} works without a start`);
    else if (pid !== begun.at(-1)) broken.add(`process ${pid} works beside process ${begun.at(-1)}`);
    if (word === 'end') ends += 1;
  }
  if (ends > 1) broken.add(`${ends} processes came to their end`);
  return { starts: begun.length, broken: [...broken] };
}
