import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { importFile } from '../../activities/corpus/import.ts';
import type { Database } from '../../activities/store/pool.ts';

const WORDS = 'a stone river turns over slowly while two birds count the hours of an evening in late autumn'.split(' ');

/** Problems of the load run's benchmark. */
export const PROBLEMS = 40;

const TEACHER_DOCUMENTS = 20;

/**
 * Makes the load run's corpus up, and imports it: texts of several sentences, some with an empty chunk's worth of white
 * space, a context, or characters outside of the vocabulary. The same `documents` give the same corpus.
 */
export async function makeLoadCorpus(database: Database, folder: string, documents: number): Promise<void> {
  const random = xoroshiro128plus(7);
  const below = (count: number): number => uniformInt(random, 0, count - 1);
  const sentence = (): string => {
    const words = Array.from({ length: 3 + below(6) }, () => WORDS[below(WORDS.length)] as string).join(' ');
    return `${words.charAt(0).toUpperCase()}${words.slice(1)}${['.', '.', '!', '?', ' — 数.'][below(5)]}`;
  };
  const text = (): string => Array.from({ length: 4 + below(10) }, sentence).join(below(4) === 0 ? '\n\n' : ' ');
  const lines = {
    teacher: Array.from({ length: TEACHER_DOCUMENTS }, () => ({
      chunks: [{ text: sentence(), thought: ` ${sentence()}` }],
    })),
    em: Array.from({ length: documents }, () => ({ text: text(), ...(below(3) === 0 ? { context: sentence() } : {}) })),
    test: Array.from({ length: PROBLEMS }, () => ({ problem: sentence(), answer: sentence() })),
  };
  mkdirSync(folder, { recursive: true });
  for (const [name, objects] of Object.entries(lines)) {
    writeFileSync(join(folder, `${name}.jsonl`), objects.map((object) => `${JSON.stringify(object)}\n`).join(''));
  }
  for (const split of ['teacher', 'em']) {
    const result = await importFile(database, { file: join(folder, `${split}.jsonl`), corpus: 'load', split });
    if (result.kind === 'refused') throw new Error(`Expected ${split}.jsonl to be imported: ${JSON.stringify(result)}`);
  }
}
