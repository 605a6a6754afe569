import { Context } from '@temporalio/activity';
import { performance } from 'node:perf_hooks';
import { hasEnded, type JobCluster, type JobHandle } from '../clusters/job-cluster.ts';
import type { VllmClient } from '../vllm/client.ts';
import type { ServerLoad } from '../vllm/server-load.ts';
import { VllmError } from '../vllm/vllm-error.ts';
import type { ServerPatience } from './server-patience.ts';

/** How a server that was ready came to its end. */
export interface ServerLoss {
  /** Whether its job still runs and is to be stopped. */
  readonly hung: boolean;
  readonly reason: string;
}

/**
 * Watches a ready server until it is lost: its job has ended, or it gives no sign of life although the job runs. A sign
 * of life is work going on (requests run and tokens move: a busy server may be slow to answer a probe), else an answer
 * to a probe; `/health` is none, it stays 200 when the engine hangs (vllm#36451).
 * @param prompt Ids of a prompt that the model takes.
 * @throws CancelledFailure when the activity is cancelled.
 */
export async function watchServer(
  cluster: JobCluster,
  handle: JobHandle,
  client: VllmClient,
  prompt: readonly number[],
  patience: ServerPatience,
): Promise<ServerLoss> {
  let before: ServerLoad | null = null;
  let silent = 0;
  let looked = performance.now();
  for (;;) {
    const status = await cluster.status(handle);
    if (hasEnded(status)) {
      return { hung: false, reason: status.kind === 'failed' ? `job ${status.reason}` : `job ${status.kind}` };
    }
    if (performance.now() - looked >= patience.look) {
      const load = await quietly(client.load({ deadlineMs: patience.look }));
      const works = load !== null && before !== null && load.running > 0 && load.tokens !== before.tokens;
      silent = works || (await answers(client, prompt, patience.probe)) ? 0 : silent + 1;
      if (silent >= patience.looks) return { hung: true, reason: `no sign of life at ${silent} looks in a row` };
      before = load;
      looked = performance.now();
    }
    await Context.current().sleep(cluster.pollMilliseconds);
  }
}

const answers = async (client: VllmClient, prompt: readonly number[], deadlineMs: number): Promise<boolean> =>
  (await quietly(
    client.probe(prompt, { deadlineMs, signal: Context.current().cancellationSignal }).then(() => true),
  )) ?? false;

/** The answer, or null where the server gave none. */
async function quietly<Answer>(request: Promise<Answer>): Promise<Answer | null> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof VllmError) return null;
    throw error;
  }
}
