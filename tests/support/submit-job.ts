/** Submits a job from a process of its own: node submit-job.ts PYTHON KEY SPEC-JSON; prints the handle as JSON. */
import { createProcessCluster } from '../../activities/clusters/process-cluster.ts';
import type { JobSpec } from '../../activities/clusters/job-cluster.ts';

const [python, key, spec] = process.argv.slice(2);
if (python === undefined || key === undefined || spec === undefined) throw new Error('Expected PYTHON KEY SPEC-JSON');
console.log(JSON.stringify(await createProcessCluster(python).submit(key, JSON.parse(spec) as JobSpec)));
