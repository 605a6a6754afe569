import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { isGone, type WorkerProcess } from '../activities/clusters/worker-process.ts';
import { attemptsOf, forgetAttempt, noteAttempt, type HeldAttempt } from '../activities/store/attempts.ts';
import type { Database } from '../activities/store/pool.ts';

/**
 * Notes in the store which attempts this process holds, from their first to their last moment. The notes are for
 * {@link handBack}: an attempt does not wait for them, and goes on without where they fail.
 */
export function noteHeldAttempts(database: Database, own: WorkerProcess): ActivityInterceptorsFactory {
  return ({ info }) => {
    const { workflowExecution, activityId: activity, attempt, taskToken: token } = info;
    if (workflowExecution === undefined) return {};
    const scheduledAt = new Date(info.currentAttemptScheduledTimestampMs);
    const held: HeldAttempt = { workflow: workflowExecution.workflowId, activity, attempt, token, scheduledAt };
    return {
      inbound: {
        async execute(input, next) {
          const noted = noteAttempt(database, held, own).catch(() => undefined);
          try {
            return await next(input);
          } finally {
            void noted.then(() => forgetAttempt(database, held)).catch(() => undefined);
          }
        },
      },
    };
  };
}

/** What handing back needs. */
export interface HandBackPorts {
  readonly database: Database;
  readonly own: WorkerProcess;
  /** Fails an attempt by its token, to be tried again; one that Temporal knows no more is no error. */
  readonly fail: (held: HeldAttempt, reason: string) => Promise<void>;
}

/**
 * Hands back what processes of this machine held when they were killed: their attempts fail, and Temporal gives them to
 * a worker at once instead of waiting for their heartbeats. The token names the very attempt: where another worker has
 * taken the activity over since, nothing happens.
 *
 * @returns the attempts that were handed back
 */
export async function handBack({ database, own, fail }: HandBackPorts): Promise<readonly HeldAttempt[]> {
  const left: HeldAttempt[] = [];
  for (const { holder, ...held } of await attemptsOf(database, own.machine)) {
    if (!(await isGone(holder, own))) continue;
    await fail(held, `Worker process ${holder.pid} on ${holder.machine} is gone`);
    // Only now: what could not be told to Temporal is found again at the next look.
    await forgetAttempt(database, held);
    left.push(held);
  }
  return left;
}
