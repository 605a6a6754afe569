import type { Connection } from '@temporalio/client';

/** Longest wait for an answer of Temporal, milliseconds. */
const ANSWER_MILLISECONDS = 10_000;

/**
 * Asks Temporal with a deadline: a server may take connections and answer nothing.
 * @param milliseconds for all that `ask` asks
 * @throws the connection's error when the time is over.
 */
export function answered<Answer>(
  connection: Pick<Connection, 'withDeadline'>,
  ask: () => Promise<Answer>,
  milliseconds: number = ANSWER_MILLISECONDS,
): Promise<Answer> {
  return connection.withDeadline(Date.now() + milliseconds, ask);
}
