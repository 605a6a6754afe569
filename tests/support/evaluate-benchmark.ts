/**
 * A process that runs one benchmark activity and prints its figures, so that a test can kill it:
 * `node tests/support/evaluate-benchmark.ts <database URL> <data folder> <input as JSON>`.
 */
import { MockActivityEnvironment } from '@temporalio/testing';
import { createEvaluationActivities } from '../../activities/evaluation/activities.ts';
import { openDatabase } from '../../activities/store/pool.ts';
import type { RunBenchmarkInput } from '../../workflows/contract/activities.ts';

const [databaseUrl = '', dataFolder = '', input = ''] = process.argv.slice(2);
const activities = createEvaluationActivities({ database: openDatabase(databaseUrl), dataFolder, python: 'none' });
const asked = JSON.parse(input) as RunBenchmarkInput;
const metrics: unknown = await new MockActivityEnvironment().run(() => activities.runBenchmark(asked));
console.log(JSON.stringify(metrics));
process.exit(0);
