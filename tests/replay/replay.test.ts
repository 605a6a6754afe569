import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';

const FOLDER = new URL('./histories/', import.meta.url);
const histories = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));

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

describe('workflows replay what real runs did', () => {
  it.each(histories)('%s', async (file) => {
    const history = read(file);
    await Worker.runReplayHistory({ workflowBundle }, historyFromJSON(history), started(history).workflowId);
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
