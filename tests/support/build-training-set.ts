/**
 * Builds one training set in a process of its own, for tests that kill it or give it a small disk. Arguments: database
 * URL, data folder, the activity's input as JSON. Writes one JSON line for every progress, then one with the result or
 * the failure's type.
 */
import { buildTrainingSet } from '../../activities/m-step/training-set.ts';
import { openDatabase } from '../../activities/store/pool.ts';
import type { BuildTrainingSetInput } from '../../workflows/contract/activities.ts';

const [url = '', dataFolder = '', input = '{}'] = process.argv.slice(2);
const database = openDatabase(url);
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
try {
  const asked = JSON.parse(input) as BuildTrainingSetInput;
  say({ result: await buildTrainingSet({ database, dataFolder }, asked, (progress) => say({ progress })) });
} catch (error) {
  say({ failure: (error as { type?: string }).type ?? String(error) });
}
await database.end();
