import { afterEach, beforeEach, expect, it } from 'vitest';
import { replayMisfits } from '../../scripts/versions/replay.ts';

let options: string | undefined;

beforeEach(() => {
  options = process.env['NODE_OPTIONS'];
});

afterEach(() => {
  if (options === undefined) delete process.env['NODE_OPTIONS'];
  else process.env['NODE_OPTIONS'] = options;
});

/** Lets the program run this before it reads what it is asked. */
function beginWith(code: string): void {
  process.env['NODE_OPTIONS'] = `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

/** More than a pipe takes that nobody reads. */
const many = Array.from({ length: 10_000 }, (_, at) => ({ workflowId: `run-${at}/i1/e`, runId: `execution-${at}` }));

it('a replay whose program ends before it reads is an error that says why', async () => {
  beginWith("console.error('no room'); process.exit(7)");
  await expect(replayMisfits(many, '/nowhere')).rejects.toThrow('ended with 7: no room');
});

it('a replay whose program falls silent is ended', async () => {
  beginWith('setInterval(() => undefined, 1_000); await new Promise(() => undefined)');
  await expect(replayMisfits(many, '/nowhere', 100)).rejects.toThrow('was silent for 0.1 s');
});
