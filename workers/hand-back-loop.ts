import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityNotFoundError, AsyncCompletionClient } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { Runtime, type NativeConnection } from '@temporalio/worker';
import type { WorkerProcess } from '../activities/clusters/worker-process.ts';
import type { Database } from '../activities/store/pool.ts';
import type { FailureType } from '../workflows/contract/failures.ts';
import { handBack, type HandBackPorts } from './held-attempts.ts';

/** Between two looks, milliseconds: a killed worker's neighbours find what it held well before its heartbeats are missed. */
const LOOK_MS = 5_000;

/** Longest wait for Temporal's answer, milliseconds. */
const ANSWER_MS = 10_000;

/** Pause before the next attempt: what killed the worker may still be there, and must not use its attempts up in a moment. */
const NEXT_ATTEMPT = '1 second';

/**
 * Hands back, now and again every few seconds until `stop` fires, what killed processes of this machine held. Whatever
 * goes wrong is logged and changes nothing else: heartbeats find a lost worker too, only later.
 */
export async function keepHandingBack(
  connection: NativeConnection,
  namespace: string,
  database: Database,
  own: WorkerProcess,
  stop: AbortSignal,
): Promise<void> {
  const client = new AsyncCompletionClient({ connection, namespace });
  const ports: HandBackPorts = {
    database,
    own,
    fail: async ({ token }, message) => {
      const type: FailureType = 'WorkerLost';
      const lost = ApplicationFailure.create({ type, message, nextRetryDelay: NEXT_ATTEMPT });
      try {
        await connection.withDeadline(Date.now() + ANSWER_MS, () => client.fail(token, lost));
      } catch (error) {
        if (!(error instanceof ActivityNotFoundError)) throw error;
      }
    },
  };
  const { logger } = Runtime.instance();
  while (!stop.aborted) {
    try {
      for (const { workflow, activity, attempt } of await handBack(ports)) {
        logger.warn('handed back an attempt of a killed worker', { workflow, activity, attempt });
      }
    } catch (error) {
      if (!stop.aborted) logger.warn('could not hand back attempts of killed workers', { error });
    }
    await sleep(LOOK_MS, undefined, { signal: stop, ref: false }).catch(() => undefined);
  }
}
