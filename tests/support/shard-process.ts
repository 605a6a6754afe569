/**
 * Samples one shard in a process of its own, to be killed: `node shard-process.ts` with the environment variables
 * DATABASE_URL, DATA and INPUT (a SampleShardInput as JSON). Runs the real activity outside of a worker.
 */
import { MockActivityEnvironment } from '@temporalio/testing';
import { createSamplingActivities } from '../../activities/e-step/activities.ts';
import { openDatabase } from '../../activities/store/pool.ts';
import type { SampleShardInput } from '../../workflows/contract/activities.ts';

const { DATABASE_URL = '', DATA = '', INPUT = '' } = process.env;
const database = openDatabase(DATABASE_URL);
const activities = createSamplingActivities({ database, dataFolder: DATA, python: 'none' });
const counts = await new MockActivityEnvironment().run(activities.sampleShard, JSON.parse(INPUT) as SampleShardInput);
process.stdout.write(`${JSON.stringify(counts)}\n`);
process.exit(0);
