import { Context } from '@temporalio/activity';

/** Under a third of the shortest heartbeat timeout, so that two may be lost. */
const HEARTBEAT_MILLISECONDS = 5_000;

/**
 * Runs an activity's body with heartbeats from its first to its last moment, clean-up after a cancellation included:
 * the server sees the activity alive while it waits for a database or hashes a file, and cancellation reaches it.
 * @param details What the Web UI shows; asked at every heartbeat.
 */
export async function withHeartbeat<Result>(
  body: () => Promise<Result>,
  details: () => unknown = () => undefined,
): Promise<Result> {
  const context = Context.current();
  context.heartbeat(details());
  const timer = setInterval(() => context.heartbeat(details()), HEARTBEAT_MILLISECONDS);
  try {
    return await body();
  } finally {
    clearInterval(timer);
  }
}
