/**
 * Imports one file in a process of its own, for tests that kill it or measure its memory. Arguments: database URL, file,
 * corpus, split. Writes one JSON line for every progress, with the heap in bytes after a collection where the process
 * runs with --expose-gc, then one with the result.
 */
import { importFile } from '../../activities/corpus/import.ts';
import { openDatabase } from '../../activities/store/pool.ts';

const [url = '', file = '', corpus = '', split = ''] = process.argv.slice(2);
const database = openDatabase(url);
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const result = await importFile(database, { file, corpus, split }, ({ documents }) => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  say({ documents, memory: heapUsed + external });
});
say({ result });
await database.end();
