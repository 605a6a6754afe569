import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { filesOf, RECORDED_PATHS } from '../support/recorded-paths.ts';

const FOLDER = new URL('./histories/', import.meta.url);

/** The path whose histories are of a run with real servers, trainer and store; the others are recorded by `npm run record-histories`. */
const REAL_RUN = 'real-run';

const histories = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.json'))
  .sort();

let workflowBundle: WorkflowBundle;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
});

interface RecordedHistory {
  readonly events: readonly {
    readonly workflowExecutionStartedEventAttributes?: {
      readonly workflowId: string;
      readonly workflowType: { readonly name: string };
    };
  }[];
}

const read = (file: string): RecordedHistory =>
  JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as RecordedHistory;

const started = ({ events }: RecordedHistory): { workflowId: string; workflowType: { name: string } } => {
  const attributes = events[0]?.workflowExecutionStartedEventAttributes;
  if (attributes === undefined) throw new Error('Expected a history that begins with its start');
  return attributes;
};

describe('workflows replay what runs did', () => {
  it.each(histories)('%s', async (file) => {
    const history = read(file);
    await Worker.runReplayHistory({ workflowBundle }, historyFromJSON(history), started(history).workflowId);
  });

  it('every path has its histories, and no other has any', () => {
    const recorded = RECORDED_PATHS.flatMap((path) => filesOf(path).map((file) => `${path.name}/${file}`));
    expect(histories.filter((file) => !file.startsWith(`${REAL_RUN}/`))).toEqual(recorded.sort());
  });

  it('every workflow has a history', () => {
    const names = new Set(histories.map((file) => started(read(file)).workflowType.name));
    expect([...names].sort()).toEqual(
      [
        'baseModel',
        'baseline',
        'eStep',
        'evaluation',
        'fleet',
        'iteration',
        'run',
        'shardBatch',
        'training',
        'warmStart',
      ].sort(),
    );
  });

  it('a history that the workflows would not have made is refused', async () => {
    const file = histories.find((name) => started(read(name)).workflowType.name === 'eStep') as string;
    const text = readFileSync(new URL(file, FOLDER), 'utf8').replaceAll('"planEStep"', '"planOtherwise"');
    const history = JSON.parse(text) as RecordedHistory;
    await expect(
      Worker.runReplayHistory({ workflowBundle }, historyFromJSON(history), started(history).workflowId),
    ).rejects.toThrow(/planEStep|nondetermin/i);
  });
});
